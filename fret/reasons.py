"""Why records stop on their way: each `fret.records.Dropped` has one."""

from enum import StrEnum


class Reason(StrEnum):
    """Why a record stops."""

    # pages
    UNREADABLE = "unreadable"
    NOT_HTML = "not_html"
    TOO_LARGE = "too_large"
    NO_MAIN_TEXT = "no_main_text"
    TIMED_OUT = "timed_out"
    OUT_OF_MEMORY = "out_of_memory"
    CRASHED = "crashed"
    EXTRACTION_FAILED = "extraction_failed"
    # pages, from the web and from WARC files
    NOT_ALLOWED_BY_ROBOTS = "not_allowed_by_robots"
    ADDRESS_REFUSED = "address_refused"
    HTTP_STATUS = "http_status"
    NOT_FETCHED = "not_fetched"
    DAMAGED = "damaged"
    TRUNCATED = "truncated"
    STATUS_NOT_200 = "status_not_200"
    REVISIT = "revisit"
    # passages
    TOO_SHORT = "too_short"
    DUPLICATE_TEXT = "duplicate_text"
    # queries
    NO_QUERY = "no_query"
    DUPLICATE_QUERY = "duplicate_query"
    SEED_NOT_FOUND = "seed_not_found"
    SEED_AMBIGUOUS = "seed_ambiguous"
    REFUSED = "refused"
    CUT = "cut"
    EMPTY_ANSWER = "empty_answer"
    UNREADABLE_ANSWER = "unreadable_answer"
    ECHO_OF_THE_PROMPT = "echo_of_the_prompt"
    WRONG_LANGUAGE = "wrong_language"
    NOT_SELF_CONTAINED = "not_self_contained"
    COPIED = "copied"
    LEAKED_EXAMPLE = "leaked_example"
    QUERY_TOO_SHORT = "query_too_short"
    QUERY_TOO_LONG = "query_too_long"
    NOT_FOR_ITS_TASK = "not_for_its_task"
    NEAR_DUPLICATE_QUERY = "near_duplicate_query"
    SIMILAR_QUERY = "similar_query"
    FAILED_JUDGE = "failed_judge"
    SEED_NOT_RETRIEVED = "seed_not_retrieved"
    REJECTED_REQUEST = "rejected_request"
    SERVER_FAULT = "server_fault"
    # candidates and judgements
    TOO_FEW_CANDIDATES = "too_few_candidates"
    TOO_FEW_SCORED = "too_few_scored"
    # examples
    NO_RELEVANT_CANDIDATE = "no_relevant_candidate"
    AMBIGUOUS = "ambiguous"
    SPLIT_CONFLICT = "split_conflict"
    TOO_FEW_NEGATIVES = "too_few_negatives"
