import pytest

from assistant.conversation import Document, Route, Turn
from assistant.routing import choose_route

FOREST = Document(
    "amazon.txt",
    "The Amazon rainforest covers 5.5 million square kilometers. The author of the report, Marie Curie, lists the "
    "species. La forêt couvre une grande partie du Brésil; les discussions ont repris en 2019. Talks resumed in May.",
)
PYTHON = Document("python.md", "A Python list is made with brackets. The sort method of a list sorts it in place.")

O, E, G = Route.OPEN, Route.EXTRACT, Route.GROUNDED  # noqa: E741


@pytest.mark.parametrize(
    "question, route",
    [
        ("How large is the Amazon rainforest?", E),
        ("Who is the author?", E),
        ("When did the talks resume?", E),
        ("From which river does the water come?", E),
        ("from what date does the contract apply?", E),
        ("let me know who signed it", E),
        ("class action: who sued?", E),
        ("Compared with 2018, how much did sales rise?", E),
        ("Who described the species?", E),
        ("Which species does the author list?", E),
        ("What is the total?", E),
        ("Who translated the book?", E),
        ("where", E),
        ("5.5 million of what?", E),
        ("Quelle est la superficie de la forêt ?", E),
        ("Qui a écrit le rapport ?", E),
        ("Quand les discussions ont-elles repris ?", E),
        ("Où se trouve la forêt ?", E),
        ("Comment s'appelle l'auteur ?", E),
        ("Combien de kilomètres carrés ?", E),
        ("Summarize this.", G),
        ("Summarise the article in three points", G),
        ("Explain why the forest matters", G),
        ("Give me a summary", G),
        ("What is this text about?", G),
        ("What are the key points?", G),
        ("Describe the forest in your own words", G),
        ("Translate it into French", G),
        ("Résume le texte", G),
        ("Peux-tu résumer ce document ?", G),
        ("Explique pourquoi la forêt est importante", G),
        ("De quoi parle ce texte ?", G),
        ("Reformule la conclusion en quelques mots", G),
        ("Quels sont les points clés ?", G),
        ("Write a Python function that reverses a list", O),
        ("How do I read a CSV file in Python?", O),
        ("How do I parse text in Python?", O),
        ("def add(a, b):\n    return a + b\nwhat does it do?", O),
        ("Traceback (most recent call last)\n  File x\nKeyError: 1", O),
        ("Écris une fonction Python qui trie une liste", O),
        ("Comment lire un fichier JSON en Python ?", O),
        ("import numpy\nwhy does this fail?", O),
        ("Hello!", O),
        ("Thank you very much.", O),
        ("Bonjour !", O),
        ("merci beaucoup", O),
    ],
)
def test_a_turn_with_a_document_goes_where_a_person_would_send_it(question: str, route: Route) -> None:
    choice = choose_route(Turn(question, (FOREST,)))
    assert choice.route is route, choice.reason
    assert choice.reason.endswith(".")


def test_a_programming_question_that_the_document_speaks_of_is_put_to_the_document() -> None:
    assert choose_route(Turn("How does the sort method of a Python list work?", (PYTHON,))).route is not Route.OPEN


@pytest.mark.parametrize("question", ["How large is it?", "Summarize this.", "Write a Python loop"])
def test_without_a_document_everything_goes_to_the_generator(question: str) -> None:
    choice = choose_route(Turn(question))
    assert (choice.route, "No document" in choice.reason) == (Route.OPEN, True)


@pytest.mark.parametrize("route", list(Route))
def test_a_route_that_is_asked_for_is_taken(route: Route) -> None:
    choice = choose_route(Turn("Hello!", (FOREST,), route=route))
    assert choice.route is route
    assert str(route) in choice.reason
