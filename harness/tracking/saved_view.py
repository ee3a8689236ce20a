"""A view of an experiment's page that shows accuracy against budget, with one line per objective.

MLflow keeps a saved view as a tag of the experiment: a name, and the state of the page.
"""

import base64
import json
import zlib
from collections.abc import Sequence
from typing import Any

from harness.config.run_config import RunConfig
from harness.tracking import ARM, MATCH
from harness.tracking.view import BUDGET, FINAL, VALIDATION

TAG = "mlflow.sharedViewState."
"""The beginning of the tag of a saved view. The id of the view follows."""
OTHER_BUDGETS = ("sampled_tokens", "flops", "seconds")
"""Accuracy is also shown against these units, besides the unit of the budget."""
COLLAPSED = ("accuracy", "compute", "critic", "engine", "eval", "objective", "test", "train", "System metrics")
"""The sections of other charts. MLflow names them by the part of a metric's name before the last slash."""
MOST_ASKED = 40
"""The largest number of arms in one query. Each needs a join, and SQLite makes at most 64."""


def id_of(config: RunConfig) -> str:
    """The id of the view of all runs that may be compared with this one in a table."""
    return f"harness-{config.match_key}"


def tag_value(configs: Sequence[RunConfig], created: float, *, complete: bool) -> str:
    """The view of these runs. ``complete``: no other run of the experiment may be compared with them in a table."""
    state = json.dumps(_state(configs[0], _groups(configs, complete=complete)), separators=(",", ":"))
    packed = base64.b64encode(zlib.compress(state.encode(), 9)).decode()
    name = f"Accuracy, {configs[0].budget}"
    return json.dumps({"name": name, "createdAt": int(created * 1000), "state": f"deflate;{packed}"})


def place_of(experiment: str, view: str) -> str:
    """The path of the view on an MLflow server, which follows the server's address.

    Without ``workflowType``, MLflow 3 shows the pages of an experiment as those of an application's traces.
    """
    return (
        f"/#/experiments/{experiment}/runs?viewStateShareKey={view}&compareRunsMode=CHART&workflowType=machine_learning"
    )


def _groups(configs: Sequence[RunConfig], *, complete: bool) -> list[dict[str, str]]:
    """The keys that group runs into lines. There are as few as possible, but no mean mixes different settings."""
    arms = {config.arm_key for config in configs}
    names = {(config.objective.name, config.regime) for config in configs}
    objective, regime = ({"mode": "param", "groupByData": key} for key in ("algo", "regime"))
    if not complete or len(arms) > len(names):
        return [objective, regime, {"mode": "tag", "groupByData": ARM}]
    return [objective, regime] if len({regime for _, regime in names}) > 1 else [objective]


def _state(config: RunConfig, groups: list[dict[str, str]]) -> dict[str, Any]:
    columns = [
        f"metrics.`{FINAL}`",
        f"metrics.`{VALIDATION}`",
        *(f"params.`{key}`" for key in ("algo", "regime", "seed")),
    ]
    units = [unit for unit in OTHER_BUDGETS if unit != config.budget.unit]
    sections = [
        _section("first", f"Final accuracy, and accuracy against {_spoken(config.budget.unit)}", display=True),
        _section("other", "Accuracy against other budgets", display=True),
    ]
    return {
        "searchFilter": f"tags.`{MATCH}` = '{config.match_key}'",
        "orderByKey": "attributes.start_time",
        "orderByAsc": True,
        "startTime": "ALL",
        "lifecycleFilter": "Active",
        "datasetsFilter": [],
        "modelVersionFilter": "All Runs",
        "selectedColumns": columns,
        "columnOrder": columns,
        "columnWidths": {},
        "runsExpanded": {},
        "runsPinned": [],
        "runsHidden": [],
        "runsVisibilityMap": {},
        "runsHiddenMode": "SHOW_ALL",
        "viewMaximized": False,
        "runListHidden": False,
        "isAccordionReordered": True,
        "useGroupedValuesInCharts": True,
        "hideEmptyCharts": True,
        "groupBy": {"aggregateFunction": "average", "groupByKeys": groups},
        "groupsExpanded": {},
        "autoRefreshEnabled": True,
        "globalLineChartConfig": {"xAxisKey": "step", "lineSmoothness": 0, "selectedXAxisMetricKey": ""},
        "compareRunCharts": [
            _card("BAR", "first", "bars") | {"metricKey": FINAL},
            _line("first", None),
            *(_line("other", unit) for unit in units),
        ],
        "compareRunSections": [*sections, *(_section(name, name, display=False) for name in COLLAPSED)],
    }


def _spoken(unit: str) -> str:
    return unit.replace("_", " ")


def _section(place: str, name: str, *, display: bool) -> dict[str, Any]:
    """``display``: whether the section is open instead of collapsed."""
    return {
        "uuid": place,
        "name": name,
        "display": display,
        "isReordered": True,
        "deleted": False,
        "isGenerated": False,
    }


def _line(section: str, unit: str | None) -> dict[str, Any]:
    """A chart of validation accuracy. ``unit`` is the unit of the x axis; None means the steps of the metric."""
    return _card("LINE", section, f"against {unit}") | {
        "metricKey": VALIDATION,
        "selectedMetricKeys": [VALIDATION],
        "lineSmoothness": 0,
        "xAxisScaleType": "linear",
        "scaleType": "linear",
        "range": {},
        "xAxisKey": "metric" if unit else "step",
        "selectedXAxisMetricKey": f"{BUDGET}{unit}" if unit else "",
        "displayPoints": True,
        "yAxisKey": "metric",
        "yAxisExpressions": [],
        "ignoreOutliers": False,
        "useGlobalXaxisKey": False,
        "useGlobalLineSmoothing": True,
    }


def _card(kind: str, section: str, name: str) -> dict[str, Any]:
    """What all charts share. MLflow shows the metric as the title."""
    return {
        "uuid": name,
        "type": kind,
        "metricSectionId": section,
        "runsCountToCompare": 100,
        "deleted": False,
        "isGenerated": False,
    }
