from jinja2 import pass_context
from jinja2.runtime import Context
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath


@pass_context
def escaped_markdown2html(context: Context, source: str) -> str:
    """nbconvert's filter markdown2html, with HTML in the text shown as text.

    Students' markdown stands in the grader's browser: a script in it would act with the grader's rights.
    """
    attachments = context.get("cell", {}).get("attachments", {})
    renderer = IPythonRenderer(escape=True, allow_harmful_protocols=False, attachments=attachments)
    return MarkdownWithMath(renderer=renderer).render(source)
