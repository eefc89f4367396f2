"""Frequent English words that say little about a subject: articles, pronouns, prepositions, auxiliary verbs.

Negations are none of them: a text with "not" says something else.
"""

WORDS = """
    a about above after again all also am an and any are as at be because been before being below between both but by
    can could did do does doing down during each few for from further had has have having he her here hers herself him
    himself his how i if in into is it its itself just me more most my myself of off on once only or other our ours
    ourselves out over own s same she should so some such t than that the their theirs them themselves then there these
    they this those through to too under until up very was we were what when where which while who whom why will with
    would you your yours yourself yourselves
"""
STOP_WORDS = frozenset(WORDS.split())
