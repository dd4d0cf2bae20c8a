"""All results on one page, as HTML and as Markdown: `python -m bench report`.

- `words`, `costs`, `times`: what came out, in sentences that are worked out from the data
- `grid`: the tables of the commands, as cells
- `kinds`: which kinds of result there are, and what is shown of each
- `page`: the page, put together from files; pure but for reading them
- `html`, `markdown`: the page as text
"""
