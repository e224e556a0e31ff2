"""A language for texts that nobody named one for."""

import pytest

from trainer.text.language_choice import language_for


@pytest.mark.parametrize(
    ("texts", "language"),
    [
        (["trail running shoes", "wasserdichte Wanderschuhe", "зимние ботинки"], "en"),
        # One brand in forty words is no Chinese.
        (["running shoes for men, size 42, waterproof and light"] * 9 + ["李宁"], "en"),
        (["登山鞋 防水", "北京 天气 预报", "怎么做红烧肉"], "zh"),
        (["iphone 充电线", "nike 跑步鞋 男", "考研英语真题"], "mixed"),
        # Classical and traditional: jieba's dictionary has few of the words.
        (["錦石巖 巉巉怪石錦鮮明", "倚空峻壁列松杉，水色嵐光總不凡。"], "characters"),
        (["東京の天気", "おすすめのランニングシューズ"], "characters"),
        (["รองเท้าวิ่ง", "กันน้ำ"], "characters"),
        (["2024", "!!!"], "en"),
        ([], "en"),
    ],
)
def test_language(texts, language):
    assert language_for(texts).language == language


def test_the_reason_says_what_was_counted():
    # 登山鞋 and 防水 are words of several characters, 巖 is none.
    assert language_for(["登山鞋 防水 巖"]).reason == (
        "jieba knows words for 83% of the Chinese characters"
    )
