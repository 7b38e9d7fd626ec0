"""The words for a line that is set aside as another id space keeps its id; both engines say the same."""


def claim_reason(keeper: str) -> str:
    """Why a line is set aside whose id an id space keeps that comes before its own."""
    return f"the id also comes from source {keeper}, which comes first"
