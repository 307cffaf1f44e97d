import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.domain.errors import InvalidRequest
from pipeline.domain.pages import MAX_PAGE_SIZE, Page, check_page_size, decode_page_token, encode_page_token


@given(st.integers(-(2**63) + 1, 2**63 - 1), st.text())
def test_a_token_of_a_number_is_read_back(position: int, document_id: str):
    assert decode_page_token(encode_page_token(position, document_id), int) == (position, document_id)


@given(st.text(), st.text())
def test_a_token_of_a_text_is_read_back_and_fits_in_a_url(position: str, document_id: str):
    token = encode_page_token(position, document_id)
    assert decode_page_token(token, str) == (position, document_id)
    assert all(letter.isalnum() or letter in "-_" for letter in token)


@pytest.mark.parametrize(
    "token", ["", "é", "x", "bnVsbA", "WzEsMl0", "W10", "WzEsImEiLDNd", "W3RydWUsImEiXQ", "[" * 9000]
)
def test_what_is_no_token_is_refused(token: str):
    with pytest.raises(InvalidRequest, match="'page_token'"):
        decode_page_token(token, int)


def test_a_page_is_a_list():
    page = Page([1, 2], "token")
    assert page == [1, 2]
    assert (page.next_page_token, Page[int]([]).next_page_token) == ("token", None)


@pytest.mark.parametrize("size", [0, -1, MAX_PAGE_SIZE + 1])
def test_a_size_out_of_bounds_is_refused(size: int):
    with pytest.raises(InvalidRequest, match="'page_size'"):
        check_page_size(size)
    assert check_page_size(MAX_PAGE_SIZE) == MAX_PAGE_SIZE


def test_a_token_of_another_list_is_refused():
    for token in (encode_page_token("soon", "a"), encode_page_token(2**63, "a")):
        with pytest.raises(InvalidRequest, match="'page_token'"):
            decode_page_token(token, int)
    with pytest.raises(InvalidRequest, match="'page_token'"):
        decode_page_token(encode_page_token(1, "a"), str)
