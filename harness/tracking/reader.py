"""Reading runs from an MLflow store. A report needs nothing else: the store has a copy of each journal."""

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory

from mlflow import MlflowClient
from mlflow.artifacts import download_artifacts
from mlflow.entities import Run
from mlflow.exceptions import MlflowException

from harness.errors import HarnessError
from harness.records.addresses import address_of, reason_of, without_password
from harness.records.events import Event
from harness.records.journal import JOURNAL, parse
from harness.tracking import RUN_ID
from harness.tracking.homes import home_of, nearest
from harness.tracking.opening import absolute, database
from harness.tracking.reaching import refuse_deleted

PAGE = 500
"""The number of runs per request."""


class Reader:
    """The runs of one suite. Writes nothing.

    Raises:
        HarnessError: the store does not exist or has no such suite.
    """

    def __init__(self, uri: str, suite: str) -> None:
        uri, shown = absolute(uri), without_password(uri)
        if uri.startswith("sqlite") and not database(uri).is_file():
            raise HarnessError(
                f"there is no MLflow store {shown}; give --from the address of the store that harness run printed"
            )
        self._uri, self._client = uri, MlflowClient(tracking_uri=uri)
        self._home = home_of(database(uri).parent, suite) if uri.startswith("sqlite") else None
        found = self._client.get_experiment_by_name(suite)
        if found is None:
            raise HarnessError(f"the MLflow store {shown} has no runs of the suite {suite}")
        refuse_deleted(found)
        self._experiment = found.experiment_id

    @cached_property
    def _runs(self) -> dict[str, Run]:
        """MLflow's runs by our run id. If several directories published the same run, the latest start counts."""
        found: dict[str, Run] = {}
        token = None
        while True:
            page = self._client.search_runs(
                [self._experiment],
                f"tags.`{RUN_ID}` LIKE '%'",
                max_results=PAGE,
                order_by=["attributes.start_time ASC"],
                page_token=token,
            )
            found |= {run.data.tags[RUN_ID]: run for run in page}
            token = page.token
            if not token:
                return dict(sorted(found.items()))

    def journals(self) -> Iterator[list[Event]]:
        """The journals of all runs, in a fixed order. Each is fetched when it is needed."""
        for run_id, run in self._runs.items():
            with TemporaryDirectory() as folder:
                path = self.download(run_id, JOURNAL, Path(folder))
                yield parse(path.read_bytes(), f"journal of {run.info.run_id}")

    def download(self, run_id: str, artifact: str, folder: Path) -> Path:
        """Download an artifact of one of our runs into ``folder``.

        Raises:
            HarnessError: the store does not have it.
        """
        place = self._runs[run_id].info.artifact_uri
        if self._home:
            place = nearest(place, self._home)
        uri = f"{place}/{artifact}"  # with the run id instead, MLflow would look up the run four times
        try:
            return Path(download_artifacts(artifact_uri=uri, dst_path=str(folder), tracking_uri=self._uri))
        except (OSError, MlflowException) as error:
            raise HarnessError(
                f"the MLflow store {without_password(self._uri)} has no {artifact} of the run {run_id}: "
                f"{reason_of(error)}"
            ) from error

    def address(self, run_id: str) -> str | None:
        """The address of the run's page. None if the store is not a server."""
        if not self._uri.startswith("http"):
            return None
        return address_of(self._uri, f"/#/experiments/{self._experiment}/runs/{self._runs[run_id].info.run_id}")
