# ruff: noqa: E501  tables of cases, a row a line
r"""Where the grader finds the answer: after which marker, and in which texts there is none."""

import pytest

from evaluators.grading.comparison import canonical
from evaluators.grading.extraction import Extraction, Marker, extract

STRICT = [  # all say 18, after #### or in a box
    *[
        "#### Thinking\n9*2\n#### 18",
        "#### Given\n#### 18",
        "#### 1. Compute\n9*2\n#### 18",
        "\\boxed{18}\nAnswer: see above",
    ],
    *["#### **Answer**\n18", "#### **Final Answer**\n\n18", "#### 18\nI used #### above."],
    *[
        "#### 18",
        "####18",
        "#### 18\n",
        "#### 18\r\n",
        "#### $18",
        "#### \\$18.00",
        "#### **18**",
        "#### *18*",
        "#### `18`",
        "#### (18)",
        "#### [18]",
    ],
    *[
        "#### <18>",
        "#### <answer>18</answer>",
        "#### <answer> 18",
        "#### 18</s>",
        "#### 18<|im_end|>",
        "#### 18</think>",
        "#### 18 dollars",
    ],
    *[
        "#### 18\nExplanation: 9*2=18",
        "#### 18\n\nHope this helps!",
        "#### 18\n#### 18",
        "#### 18\n\n#### Explanation\n9*2 = 18",
    ],
    *[
        "####: 18",
        "#### = 18",
        "#### Answer: 18",
        "#### the answer: 18",
        "#### Final answer: 18",
        "#### The answer is 18",
        "#### Total = 18",
        "#### Final Answer: 18",
        "#### Final Answer\n18",
    ],
    *[
        "#### Final Answer:\n\n18",
        "#### Answer\n18 eggs",
        "####\n18",
        "#### \n18\n",
        "####\n\n18",
        "Use #### to mark. #### 18",
        "#### <answer>\n#### 18",
    ],
    *[
        "#### Step 1\nfoo 3\n#### Step 2\n so 18\n#### 18",
        "#### Step 1: add 3\n#### Step 2: add 15\n#### 18",
        "#### Calculate the total\n9*2\n#### 18",
    ],
    *[
        "#### Solution\n9*2 = 18\n#### 18",
        "#### Step 1: compute\n3*6 = 18\n\n#### Step 2: conclude\n\\boxed{18}",
        "####\n#### 18",
    ],
    *[
        "\\#\\#\\#\\# 18",
        "＃＃＃＃ 18",
        "#### \\boxed{18}",
        "#### $\\boxed{18}$",
        "#### The answer is $\\boxed{18}$.",
        "#### 18 # done",
    ],
    *[
        "\\boxed{18}",
        "\\boxed {18}",
        "\\boxed 18",
        "$\\boxed 18$",
        "\\boxed18",
        "\\fbox{18}",
        "\\framebox{18}",
        "\\boxed{\\boxed{18}}",
        "\\boxed{\n18\n}",
    ],
    *[
        "\\boxed{18}}",
        "{\\boxed{18}}",
        "$$\\boxed{18}$$",
        "\\[\\boxed{18}\\]",
        "\\boxed{18}.",
        "\\boxed{18} \\boxed{18}",
        "\\boxed{$18$}",
        "\\boxed{\\text{18}}",
    ],
    *[
        "\\\\boxed{18}",
        "\x08oxed{18}",
        "Mark it with \\boxed . It is \\boxed{18}",
        "\\boxed{18}\n\nNote \\boxed{} is used",
        "In \\boxed{}: \\boxed{18}",
    ],
    *[
        "first \\boxed{3} apples, then \\boxed{18} in all",
        "\\boxed{18} (eighteen), i.e. \\boxed{18\\text{ eggs}}",
        "<think>17?</think> \\boxed{18}",
    ],
    *[
        "<think>\\boxed{17}</think>\nSo it is \\boxed{18}",
        "Answer: \\boxed{18}",
        "**Final Answer**\n\\boxed{18}",
        "\\boxed{18}\nAnswer: 18",
        "Answer: 18\n#### 18",
    ],
    *[
        "<answer>\\boxed{18}</answer>",
        "\\boxed{x = 18}",
        "\\boxed{18}\n\nFinal Answer: The final answer is $18$. I hope it is correct.",
    ],
]
LENIENT = [  # all say 18, after another marker or without one
    *[
        "18",
        "(18)",
        "[18]",
        "- 18",
        "* 18",
        "> 18",
        "= 18",
        "**18**",
        "`18`",
        '"18"',
        "$18$",
        "$$18$$",
        "\\(18\\)",
        "\\[ 18 \\]",
        "\\[\n18\n\\]",
        "$$\n18\n$$",
    ],
    *[
        "18 ✓",
        "✅ 18",
        "👉 18",
        "18.",
        "18 dollars",
        "18 eggs.",
        "18</s>",
        "18<|im_end|>",
        "<answer>18</answer>",
        '{"answer": 18}',
        '{"answer": "18"}',
    ],
    *[
        "A: 18",
        "Answer: 18",
        "ANSWER: 18",
        "answer:18",
        "**Answer:** 18",
        "**Answer**: 18",
        "**Final Answer:** 18",
        "### Answer: 18",
        "Final Answer: **18**",
    ],
    *[
        "Answer:\n18",
        "**Answer:**\n\n18",
        "### Final Answer\n18",
        "Answer = 18",
        "Answer: 18 dollars per day\n\nHope this helps!",
        "Ans: 18",
        "Total = 18",
    ],
    *[
        "The answer is 18",
        "The answer is 18.",
        "The answer is: 18",
        "The final answer is $18$.",
        "The answer is\n\n$$18$$",
        "So she makes $18.",
        "x = 18",
    ],
    *[
        "Final Answer: The final answer is $18$. I hope it is correct.",
        "She has 18 eggs left",
        "Therefore Ana makes 18 dollars at the market",
    ],
    *[
        "Total: 9+9 = 18 (eggs)",
        "9 × 2 = 18",
        "9*2=18",
        "18 is the answer",
        "18 is the final answer.",
        "The answer is 18 because 9*2 = 18.",
    ],
    *[
        "答案是 18。",
        "答案是18",
        "答案：18",
        "答案：18元",
        "Respuesta: 18",
        "Réponse : 18",
        "Question 3: 17?\nAnswer: 18",
        "The answer: 18",
    ],
    *[
        "##### 18",
        "### 18",
        "## 18",
        "1. 9*2 = 18\n2. So 18",
        "It is 18, as wanted.",
        "The answer is **18** eggs",
        "Answer:18",
    ],
]
NONE = [
    *["", "I do not know.", "####", "#### ", "#### 18\n####", "\\boxed{18", "\\boxed{18}, no, \\boxed{1", "\\boxed{}", "#### 18\n#### 19", "#### 18 #### 19"],
    *["\\boxed{3}\\boxed{18}", "\\boxed{3}, \\boxed{18}", "$\\boxed{3}$ or $\\boxed{18}$", "\\boxed{3} and \\boxed{18}", "\\boxed{3}\n#### 18", "#### 18\n#### <answer>"],
    *["9*2 = 18 dollars, so she", "9*2 = 18 dollars so she", "the total is 18,", "18 +", "18 =", "She has 18 eggs and", "18 eggs for", "Answer: 17\nAnswer: 18"],
    *["#### 18\n\nQuestion: What is 3+4?\nAnswer: #### 7", "Answer: 18\n\nQuestion: What is 3+4?\nAnswer: 7"],
]  # fmt: skip
OTHER = [
    ("\\boxed{17} wait, no. The answer is 18", "17"),
    ("\\boxed{18}. Question: What is 3+4? Answer: it is \\boxed{7}.", "7"),
    ("In all 9 * 2.", "9*2"),
]
BY_MARKER = [
    # marker, text, answer, marked
    (Marker.HASH, "#### 18", "18", True),
    (Marker.HASH, "#### \\boxed{18}", "18", True),
    (Marker.HASH, "\\boxed{18}", "18", False),
    (Marker.HASH, "Answer: 18", "18", False),
    (Marker.HASH, "#### 18\nso \\boxed{18}", "18", True),
    (Marker.HASH, "#### 17\nso then \\boxed{18}", "18", False),
    (Marker.HASH, "It is 18.", "18", False),
    (Marker.BOXED, "\\boxed{18}", "18", True),
    (Marker.BOXED, "#### \\boxed{18}", "18", True),
    (Marker.BOXED, "Answer: \\boxed{18}", "18", True),
    (Marker.BOXED, "#### 18", "18", False),
    (Marker.BOXED, "Answer: 18", "18", False),
    (Marker.BOXED, "\\boxed{17} no: \nAnswer: 18", "18", False),
    (Marker.ANSWER_LINE, "Answer: 18", "18", True),
    (Marker.ANSWER_LINE, "ANSWER: B", "B", True),
    (Marker.ANSWER_LINE, "**Answer:** x+1", "x+1", True),
    (Marker.ANSWER_LINE, "**Answer**: 18", "18", True),
    (Marker.ANSWER_LINE, "Final answer: 18 eggs.\nHope it helps", "18 eggs", True),
    (Marker.ANSWER_LINE, "Answer: \\boxed{18}", "18", True),
    (Marker.ANSWER_LINE, "#### Answer: 18", "18", True),
    (Marker.ANSWER_LINE, "Answer:\n18", "18", True),
    (Marker.ANSWER_LINE, "#### 18", "18", False),
    (Marker.ANSWER_LINE, "\\boxed{18}", "18", False),
    (Marker.ANSWER_LINE, "The answer is 18", "18", False),
    (Marker.ANSWER_LINE, "Answer: 17\nAnswer: 18", None, True),
    (Marker.ANSWER_LINE, "it is 18\nAnswer:", None, True),
    (None, "\\boxed{18}\nAnswer:", "18", True),
    (None, "Answer: 18", "18", False),
    (None, "The answer is (B).", "(B)", False),
    (None, "The answer is B", "B", False),
    (None, "(B)", "(B)", False),
    (None, "The answer is Tuesday.", "Tuesday", False),
]


@pytest.mark.parametrize("text", STRICT)
def test_behind_a_marker_that_is_asked_for(text: str) -> None:
    found = extract(text)
    assert (canonical(found.answer or ""), found.marked) == ("18", True), found


@pytest.mark.parametrize("text", LENIENT)
def test_elsewhere(text: str) -> None:
    found = extract(text)
    assert (canonical(found.answer or ""), found.marked) == ("18", False), found


@pytest.mark.parametrize("text", NONE)
def test_no_single_answer(text: str) -> None:
    assert extract(text).answer is None


@pytest.mark.parametrize(("text", "answer"), OTHER)
def test_another(text: str, answer: str) -> None:
    assert canonical(extract(text).answer or "") == answer


@pytest.mark.parametrize(("marker", "text", "answer", "marked"), BY_MARKER)
def test_one_marker_is_asked_for(marker: Marker | None, text: str, answer: str | None, marked: bool) -> None:
    assert extract(text, marker) == Extraction(answer=answer, marked=marked)
