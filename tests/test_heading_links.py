"""Links that sites put to their headings are no part of what the headings say."""

import pytest

from fret.text.extract import MainText, Method, extract_html

PROSE = (
    "The tawny owl hunts at night and sleeps through the day in a hollow tree. It eats mice, "
    "voles and now and then a frog. In spring the young sit on the branches before they can fly."
)

# As these engines write a heading (2025), with their own class names; text that is to be left.
HEADINGS = {
    "MediaWiki": (
        "<h2><span class='mw-headline' id='Food'>What it eats</span><span class='mw-editsection'>"
        "<span class='mw-editsection-bracket'>[</span><a href='/w/index.php?title=Owl&amp;"
        "action=edit&amp;section=1' title='Edit section: Food'>edit</a>"
        "<span class='mw-editsection-bracket'>]</span></span></h2>"
    ),
    "MediaWiki with two editors, in German": (
        "<h2><span class='mw-headline'>What it eats</span><span class='mw-editsection'>[<a "
        "href='/w/index.php?title=E&amp;veaction=edit&amp;section=1'>Bearbeiten</a> | <a "
        "href='/w/index.php?title=E&amp;action=edit&amp;section=1'>Quelltext bearbeiten</a>]"
        "</span></h2>"
    ),
    "MediaWiki 1.43": (
        "<div class='mw-heading mw-heading2'><h2 id='Food'>What it eats</h2>"
        "<span class='mw-editsection'><span class='mw-editsection-bracket'>[</span>"
        "<a href='/w/index.php?title=Owl&amp;action=edit&amp;section=1'><span>edit</span></a>"
        "<span class='mw-editsection-bracket'>]</span></span></div>"
    ),
    "another wiki": (
        "<h2 id='s1'>What it eats <small class='edit'>[<a href='/edit/Owl?section=1'>edit</a>]"
        "</small></h2>"
    ),
    "brackets without an element": (
        "<h2>What it eats [<a href='/wiki/Owl?action=edit'>edit</a>]</h2>"
    ),
    "Sphinx": (
        "<h2>What it eats<a class='headerlink' href='#food' title='Permalink to this heading'>¶"
        "</a></h2>"
    ),
    "MkDocs": (
        "<h2 id='food'>What it eats<a class='headerlink' href='#food' title='Permanent link'>"
        "&para;</a></h2>"
    ),
    "Docusaurus": (
        "<h2 class='anchor anchorWithStickyNavbar_LWe7' id='food'>What it eats<a href='#food' "
        "class='hash-link' aria-label='Direct link to What it eats' "
        "title='Direct link to What it eats'>\u200b</a></h2>"
    ),
    "VitePress": (
        "<h2 id='food' tabindex='-1'>What it eats <a class='header-anchor' href='#food' "
        "aria-label='Permalink to \"What it eats\"'>#</a></h2>"
    ),
    "rustdoc": "<h2 id='food'><a class='doc-anchor' href='#food'>§</a>What it eats</h2>",
    "GitHub": (
        "<div class='markdown-heading'><h2 tabindex='-1' class='heading-element'>What it eats</h2>"
        "<a id='user-content-food' class='anchor' href='#food' "
        "aria-label='Permalink: What it eats'>"
        "<svg class='octicon octicon-link' viewBox='0 0 16 16'><path d='m7.775 3.275'></path></svg>"
        "</a></div>"
    ),
    "words for screen readers": (
        "<h2 id='food'>What it eats<a class='anchor-link' href='#food'>"
        "<span class='sr-only'>Permalink to What it eats</span></a></h2>"
    ),
    "an emoji and a whole address": (
        "<h2>What it eats <a href='https://owls.example/tawny#food'>🔗</a></h2>"
    ),
}
# What only looks like it.
KEPT = {
    "a heading that is a link to itself": (
        "<h2 id='food'><a class='heading-anchor' href='#food' aria-label='Permalink to food'>"
        "What it eats</a></h2>",
        "What it eats",
    ),
    "a number of an issue": ("<h2>Owls, issue <a href='#42'>#42</a></h2>", "Owls, issue #42"),
    "an article on editing": (
        "<h2>How to <a href='/edit/'>edit</a> a photo</h2>",
        "How to edit a photo",
    ),
    "brackets of its own": ("<h2>Owls [in Europe]</h2>", "Owls [in Europe]"),
    "a heading that is one edit link": ("<h2><a href='/edit'>[Edit]</a></h2>", "[Edit]"),
    "text behind the link": (
        "<h2>Food <a class='headerlink' href='#food'>¶</a>and water</h2>",
        "Food and water",
    ),
}


def read(heading: str, extractor: str) -> MainText:
    page = (
        "<!doctype html><html lang='en'><head><title>The owl outside your window</title></head>"
        f"<body><main><article><h1>The owl outside your window</h1><p>{PROSE}</p>{heading}"
        f"<p>{PROSE.replace('owl', 'barn owl')}</p></article></main></body></html>"
    )
    method = Method(extractor=extractor)  # type: ignore[arg-type]
    found = extract_html(page.encode(), method=method)
    assert isinstance(found, MainText), found
    return found


@pytest.mark.parametrize("extractor", ["trafilatura", "resiliparse"])
@pytest.mark.parametrize("engine", HEADINGS)
def test_a_heading_says_what_it_says_without_its_links(engine: str, extractor: str) -> None:
    lines = read(HEADINGS[engine], extractor).text.split("\n")
    assert [line for line in lines if line.startswith("#")] == ["## What it eats"]
    assert len(lines) == 3 and all(line.startswith(("#", "The ")) for line in lines)


@pytest.mark.parametrize("extractor", ["trafilatura", "resiliparse"])
@pytest.mark.parametrize("case", KEPT)
def test_what_only_looks_like_such_a_link_stays(case: str, extractor: str) -> None:
    heading, expected = KEPT[case]
    lines = read(heading, extractor).text.split("\n")
    assert [line for line in lines if line.startswith("#")] == [f"## {expected}"]


def test_a_title_that_is_read_from_a_heading_has_none_either() -> None:
    body = (
        f"<h1>Tawny owl<a class='headerlink' href='#tawny' title='Permalink'>¶</a></h1><p>{PROSE}"
    )
    found = extract_html(f"<html><body><article>{body}</article></body></html>".encode())
    assert isinstance(found, MainText) and found.title == "Tawny owl"


def test_odd_trees_do_no_harm() -> None:
    deep = "<span>" * 300 + "Deep" + "</span>" * 300
    many = "<h2>" + "<a href='#x'>¶</a>" * 2000 + "Many</h2>"
    for heading in (deep, many, "<h2><!-- c --><a href='#a'>¶</a><!-- d -->Odd</h2>", "<h2></h2>"):
        assert PROSE in read(heading, "trafilatura").text
