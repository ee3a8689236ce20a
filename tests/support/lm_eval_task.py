"""A task for lm-evaluation-harness with the sums of the embedded model."""

TASK = """
task: sums
dataset_path: json
dataset_kwargs: {data_files: {test: sums.jsonl}}
test_split: test
doc_to_text: "{{prompt}}"
doc_to_target: "{{answer}}"
generation_kwargs: {max_gen_toks: 40, SAMPLING}
filter_list:
  - name: marked
    filter:
      - {function: regex, regex_pattern: "#### *([0-9]+)"}
      - {function: take_first}
metric_list: [{metric: exact_match, aggregation: mean, higher_is_better: true}]
metadata: {version: 1.0}
"""
