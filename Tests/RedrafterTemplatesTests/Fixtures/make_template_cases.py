"""Renders small templates with Jinja, set up as Hugging Face transformers sets it up, into template_cases.json.

    python -m venv venv && venv/bin/pip install jinja2==3.1.6
    venv/bin/python make_template_cases.py
"""

import json
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "..", "Benchmarks", "Scripts"))

from transformers_jinja import environment

VARIABLES = {
    "s": "Hello, World",
    "u": "Gr\u00fc\u00dfe an \u4f60\u597d \U0001f600 e\u0301",
    "blank": "  a b\t\n",
    "lines": "one\ntwo\r\nthree\n\nfour",
    "n": 7,
    "f": 2.5,
    "yes": True,
    "nothing": None,
    "xs": [3, 1, 2],
    "words": ["pear", "Apple", "fig", "apple"],
    "empty": [],
    "d": {"b": 1, "a": [1, 2, {"c": None}], "items": "shadowed", "get": 4},
    "people": [
        {"name": "Ann", "age": 31, "tags": ["x"], "city": {"zip": 1}},
        {"name": "bob", "age": 25, "city": {"zip": 2}},
        {"name": "Cid", "age": 31, "tags": [], "city": {"zip": 1}},
    ],
    "messages": [
        {"role": "system", "content": " Be brief. "},
        {"role": "user", "content": "Hi <|im_end|> there"},
        {"role": "assistant", "content": "<think>hm</think>\n\nYes"},
        {"role": "user", "content": ""},
    ],
    "tree": [{"v": 1, "sub": [{"v": 2, "sub": []}, {"v": 3, "sub": [{"v": 4, "sub": []}]}]}, {"v": 5, "sub": []}],
}

# Expressions: each becomes `{{ … }}`.
EXPRESSIONS = r"""
1 + 2 * 3 - 4
(1 + 2) * 3
2 ** 3 ** 2
-2 ** 2
7 // 2, -7 // 2, 7 // -2, 7 % 3, -7 % 3, 7 % -3
7 / 2, 6 / 2, 7.5 // 2, -7.5 % 2
2 ** -1, 2 ** 0.5, 0 ** 0
1e3, 1.5e-7, 1e16, 1e15, 123456789.123, 0.0001, 0.00001, 1.0, 100.0, 1e22, 3.14e300
0x1F, 0b101, 0o17, 1_000, 1_0.5
true, True, false, None, none
1 == 1.0, true == 1, 'a' == 'a', [1] == [1], (1,) == [1], {'a': 1} == {'a': 1.0}
1 < 2 < 3, 1 < 3 < 2, 'a' < 'b', [1, 2] < [1, 3], 1 <= 1, 2 >= 3, 1 != 2
'a' in 'abc', 'x' not in 'abc', 2 in xs, 'b' in d, 1 in d.values(), 3 in range(5), '' in ''
not 1, not '', not not yes, not yes or yes
'' or 'x', 'a' and 'b', 0 and 1, none or 0
'yes' if yes else 'no', 'x' if nothing, ('a' if n > 10 else 'b' if n > 5 else 'c')
'a' ~ 1 ~ none ~ true ~ 2.0
'a' 'b' "c"
'it\'s', "say \"x\"", 'tab\there', 'nl\\n', 'u\u00e9\x41\101', '\d\w'
'%s and %d and %.2f and %5d|%-5d|%05d' % ('a', 3, 2.345, 42, 42, 42)
'%s' % 'x', '%%', '%(a)s-%(b)r' % {'a': 1, 'b': 'q'}, '%x %X %o %e %g' % (255, 255, 8, 12345.678, 0.0001)
'%s %s' % (u, [1, 'a'])
'ab' * 3, 3 * 'ab', [1] * 3, 'x' * -1, (1, 2) + (3,), [1] + [2]
xs, d, words, people[0], (1,), (), (1, 'a', none), {'k': 'v', 1: 2}
u, [u], ['it\'s', 'a"b', 'a\'b"c', '\n\t\\', '\x00\x7f\u200b\U0001f600']
s[0], s[-1], s[99], s[1:4], s[:-1], s[::-1], s[::2], s[5:1:-1], s[-3:], u[4:8], u[::-1]
xs[0], xs[-1], xs[5], xs[1:], xs[:2], xs[::-1], xs[5:], xs[-2:-1], (1, 2, 3)[1:]
d.b, d['b'], d.a[2].c, d['items'], d.missing, d['missing'], d.a.0, d.a[0]
d.items() | list, d.keys() | list, d.values() | list, d.items(), d.keys()
d.get('b'), d.get('x'), d.get('x', 5)
people | map(attribute='name') | list, people | map(attribute='tags', default='-') | list
people | selectattr('age', '>', 30) | map(attribute='name') | join(', ')
people | rejectattr('tags') | map(attribute='name') | list, people | selectattr('tags', 'defined') | list | length
people | map(attribute='city.zip') | list, people | sum(attribute='age'), people | selectattr('city.zip', 'equalto', 1) | list | count
xs | select('odd') | list, xs | reject('gt', 1) | list, xs | select | list, xs | select('divisibleby', 2) | first
xs | sort, xs | sort(reverse=true), words | sort, words | sort(case_sensitive=true), people | sort(attribute='age,name') | map(attribute='name') | list
words | unique | list, words | unique(case_sensitive=true) | list, [1, 1.0, true, 2] | unique | list
words | map('upper') | list, words | map('replace', 'p', 'q') | join('|'), words | map('length') | list
xs | join, xs | join('-'), people | join(', ', attribute='name')
xs | first, xs | last, empty | first, 'abc' | first, 'abc' | last, d | first, u | last
xs | length, s | length, u | length, d | length, empty | count, range(10) | length
xs | reverse | list, 'abc' | reverse, u | reverse
xs | min, xs | max, words | min, words | max(case_sensitive=true), people | max(attribute='age'), empty | max
xs | sum, [1.5, 2] | sum, xs | sum(start=10)
xs | batch(2) | list, xs | batch(2, 'x') | list, [1, 2, 3, 4, 5, 6, 7] | slice(3) | list
d | items | list, d | dictsort, {'B': 2, 'a': 3} | dictsort, {'B': 2, 'a': 1} | dictsort(true), {'x': 2, 'y': 1} | dictsort(by='value'), {'x': 2, 'y': 1} | dictsort(reverse=true)
people | groupby('age') | list
s | upper, s | lower, s | capitalize, s | title, 'hello-wORLD foo(bar' | title, 'heLLo' | capitalize, u | upper, u | lower
'ΑΣ ΑΣΑ' | lower, 'ǆ' | capitalize, 'ﬁ' | upper, 'straße'.upper()
blank | trim, '--a--' | trim('-'), '\u00a0x\u2003' | trim
s | replace('o', '0'), s | replace('o', '0', 1), 'aaa' | replace('', '-'), 'abc' | replace('b', '')
'a\nb\n\nc' | indent, 'a\nb' | indent(2, true), 'a\n\nb' | indent(2, blank=true), 'a\nb' | indent('> '), 'a\n' | indent
'x' | center(5), 'xy' | center(5), s | wordcount
'<a href="x">\'&' | escape, '<' | e, ('<' | safe) ~ '<', ('<' | safe) + '<', '<' + ('>' | safe), '<b>' | safe | upper
'%s-%s' | format('a', 1), '%(x)s' | format(x=3)
'42' | int, '4.7' | int, 'x' | int, 'x' | int(5), '0x1A' | int(0, 16), '-12' | int, 3.9 | int, true | int, none | int, ' 7 ' | int
'1.5' | float, 'x' | float, 3 | float, '1e3' | float, 'x' | float(2)
2.5 | round, 3.5 | round, 2.345 | round(2), 2.1 | round(0, 'ceil'), 2.9 | round(0, 'floor'), 1234 | round(-2), 42.55 | round(1), 7 | round
-3 | abs, 3.5 | abs, -1.5 | abs
missing | default('x'), '' | default('x'), '' | default('x', true), none | default('x'), missing | d(1), false | default(2, boolean=true)
missing, missing | length, missing | list, missing | string, missing ~ 'x', missing | upper, [missing]
1 | string ~ 'a', [1] | string, none | string
xs | list, 'abc' | list, d | list, (1, 2) | list
d | tojson, u | tojson, u | tojson(ensure_ascii=true), xs | tojson(indent=2), d | tojson(indent=4), d | tojson(separators=(',', ':')), {'b': 1, 'a': {'d': 1, 'c': 2}} | tojson(sort_keys=true)
[] | tojson(indent=2), {} | tojson(indent=2), '"\\/\n\t\r\x08\x0c\x01\x7f<>&\'' | tojson, [1.0, 1e20, true, none, 1.5e-9] | tojson, {1: 2, true: 3, none: 4, 2.5: 1} | tojson, (1, 2) | tojson
{'a': [{'b': 1}, []]} | tojson(indent=1), [1, 2] | tojson(indent='\t'), xs | tojson(separators=('; ', ' = '), indent=0)
x is defined, s is defined, x is undefined, x is not defined, s is not undefined
nothing is none, none is none, 0 is none, nothing is not none
s is string, 1 is string, s is sequence, xs is sequence, d is sequence, 1 is sequence, missing is sequence, (1,) is sequence, range(3) is sequence
d is mapping, xs is mapping, s is iterable, 1 is iterable, d is iterable, missing is iterable, d.items() is iterable, d.items() is sequence
1 is number, 1.5 is number, true is number, '1' is number, 1 is integer, true is integer, 1.0 is float, 1 is float, true is boolean, 1 is boolean
1 is odd, 2 is even, 9 is divisibleby 3, 9 is divisibleby(2), true is true, false is false, 1 is true, 0 is false
1 is eq 1, 1 is equalto(2), 2 is gt 1, 2 is greaterthan(3), 1 is lt 2, 1 is le 1, 1 is ge 2, 1 is ne 1, 2 is in [1, 2], 'a' is in 'b'
'abc' is lower, 'ABC' is upper, 'Abc' is lower, '1' is upper, none is sameas none, 1 is sameas true, range is callable, s is callable, 'trim' is filter, 'nope' is filter, 'odd' is test
s.upper(), s.lower(), s.title(), s.capitalize(), s.swapcase(), "they're bill's".title()
s.startswith('He'), s.startswith(('x', 'H')), s.endswith('d'), s.endswith(('d', 'q')), s.startswith('l', 2), s.startswith('')
s.find('o'), s.find('zz'), s.rfind('o'), s.index('W'), s.count('l'), s.count(''), u.find('好'), s.find('o', 5), s.find('o', 5, 7)
blank.strip(), blank.lstrip(), blank.rstrip(), 'xxaxx'.strip('x'), 'abcab'.strip('ab'), '\n\n a \n'.lstrip('\n')
'a,b,,c'.split(','), ' a  b '.split(), 'a b c'.split(' ', 1), 'a b c d'.split(none, 2), 'a,b,c'.rsplit(',', 1), ' a b c '.rsplit(none, 1), ''.split(), ''.split(','), 'a</think>b</think>c'.split('</think>')[-1], 'abc'.split('abc'), 'a b'.split(maxsplit=1)
lines.splitlines(), lines.splitlines(true), ''.splitlines(), 'a\x0bb\x1cc\u2028d'.splitlines()
'a-b-c'.partition('-'), 'a-b-c'.rpartition('-'), 'abc'.partition('-'), 'abc'.rpartition('-')
','.join(['a', 'b']), ''.join([]), '-'.join('abc'), ', '.join(d)
s.replace('l', 'L'), s.replace('l', 'L', 2), 'aXbX'.removesuffix('X'), 'XaX'.removeprefix('X'), 'abc'.removeprefix('z')
'5'.zfill(3), '-5'.zfill(4), 'a'.ljust(3, '.'), 'a'.rjust(3), 'a'.center(4, '*'), 'ab'.center(5, '*')
'123'.isdigit(), '12a'.isdigit(), '½'.isnumeric(), '²'.isdigit(), '²'.isdecimal(), 'abc'.isalpha(), 'a1'.isalnum(), ' \n'.isspace(), ''.isspace(), 'Ab'.isupper(), 'AB1'.isupper(), 'ab'.islower(), 'Ab Cd'.istitle(), 'é'.isascii(), 'abc'.isascii()
'{} {}'.format(1, 'a'), '{0}{1}{0}'.format('x', 'y'), '{a}-{b.name}'.format(a=1, b=people[0]), '{0[name]}'.format(people[0]), '{{}}'.format(), '{:>5}|{:<5}|{:^5}|{:*^7}'.format('a', 'b', 'c', 'd'), '{:05d} {:+d} {:,} {:.3f} {:x} {:#x} {:%} {:e}'.format(42, 5, 1234567, 3.14159, 255, 255, 0.25, 12345.678), '{!r} {!s}'.format('a', 'b'), '{:5}|{:5}'.format(1, true), '{}'.format(none), '{:.2}'.format('abcdef')
xs.index(1), xs.count(3), (1, 2, 1).count(1), d.copy()
range(3) | list, range(1, 4) | list, range(5, 0, -2) | list, range(3), range(0, 5, 2), range(3)[1], range(10)[2:4] | list, 0 in range(0)
dict(a=1, b='x'), dict([('k', 1)]), dict({'a': 1}, b=2)
namespace(a=1).a, namespace(a=1)['a'], namespace({'q': 2}).q
xs.append is defined, d.update is defined, xs.nope is defined
people[0].name.upper()[0].lower() ~ people[1]['name'] | capitalize
-n | abs, -(n), +n, - -n, n|string|length
xs[n - 6], xs[(1 + 1)], d['b' if yes else 'a']
(s | lower).split(' ') | last, (xs | sort)[0], (s ~ u)[0:3]
[1, 2, 3,], {'a': 1,}, (1, 2,), [[1], [2, [3]]], {'a': {'b': {}}}
'a' if false, ('a' if false) is undefined, [1 if false]
s is string and n is number or missing is none, (n is odd) if yes else 'z'
not missing is defined, s is not none and s != ''
'\u00e9' == 'e\u0301', 'Z' < 'a' < '\u00e9' < '\U0001f600', '\uffff' < '\U00010000'
loop is defined, range is defined, caller is defined
1 if 'a' in d and d['a'] | length > 2 else 2
xs|map('string')|join('+'), [['a', 1]]|map('first')|list, people|map(attribute='tags')|select('defined')|list
'abc'|attr('upper') is defined, d|attr('b') is defined, people[0]|attr('name')
""".strip().split("\n")

# Whole templates.
TEMPLATES = [
    "a{% if yes %}b{% elif n %}c{% else %}d{% endif %}e",
    "{% for x in xs %}{{ loop.index }}/{{ loop.length }}:{{ x }}{{ ',' if not loop.last }}{% endfor %}",
    "{% for x in xs %}{{ loop.first }}{{ loop.last }}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.index0 }} {% endfor %}",
    "{% for x in empty %}x{% else %}none{% endfor %}{% for x in missing %}y{% endfor %}",
    "{% for x in xs if x > 1 %}{{ loop.index }}{{ x }}/{{ loop.length }} {% else %}no{% endfor %}",
    "{% for k, v in d.items() %}{{ k }}={{ v }};{% endfor %}",
    "{% for k in d %}{{ k }}{% endfor %}{% for c in 'h\u00e9y' %}[{{ c }}]{% endfor %}",
    "{% for (a, b), c in [((1, 2), 3)] %}{{ a }}{{ b }}{{ c }}{% endfor %}",
    "{% for x in xs %}{{ loop.previtem }}<{{ x }}>{{ loop.nextitem }};{% endfor %}",
    "{% for x in xs %}{{ loop.previtem is defined }}{{ loop.nextitem is undefined }}{% endfor %}",
    "{% for x in [1, 1, 2, 2, 1] %}{{ loop.changed(x) }}{{ loop.cycle('a', 'b') }} {% endfor %}",
    "{% for x in xs %}{% if x == 1 %}{% continue %}{% endif %}{{ x }}{% if loop.index == 3 %}{% break %}{% endif %}{% endfor %}",
    "{% for x in range(10) %}{% if x > 3 %}{% break %}{% endif %}{{ x }}{% endfor %}",
    "{% for n in tree recursive %}{{ n.v }}@{{ loop.depth }}({{ loop(n.sub) }}){% endfor %}",
    "{% for x in xs %}{% for y in 'ab' %}{{ loop.index }}{% endfor %}{{ loop.index }}{% endfor %}",
    "{% for x in xs %}{% set o = loop %}{% for y in 'ab' %}{{ o.index }}{{ loop.index }} {% endfor %}{% endfor %}",
    "{% set x = 1 %}{% for i in xs %}{% set x = x + i %}{{ x }} {% endfor %}{{ x }}",
    "{% set ns = namespace(x=1) %}{% for i in xs %}{% set ns.x = ns.x + i %}{% endfor %}{{ ns.x }} {{ ns }}",
    "{% if yes %}{% set x = 5 %}{% endif %}{{ x }}",
    "{% for i in xs %}{% if i == 1 %}{% set q = i %}{% endif %}[{{ q }}]{% endfor %}{{ q }}",
    "{% set n = n + 1 %}{{ n }}{% for i in [1, 2] %}{% set n = n + 1 %}{{ n }}{% endfor %}{{ n }}",
    "{% set a, b = 1, 2 %}{{ a }}{{ b }}{% set a, b = b, a %}{{ a }}{{ b }}{% set t = 1, %}{{ t }}",
    "{% set x %}a{{ n }}{% set inner = 3 %}b{% endset %}{{ x }}{{ inner }}",
    "{% set x | upper | replace('A', 'B') %}abc{% endset %}{{ x }}",
    "{% with a = 1, b = 2 %}{{ a }}{{ b }}{% set c = 3 %}{% endwith %}{{ a }}{{ c }}",
    "{% with %}{% set z = 1 %}{{ z }}{% endwith %}{{ z }}",
    "{% filter upper %}abc{{ s }}{% endfilter %}{% filter trim | replace('x', 'y') %} xx {% endfilter %}",
    "{% macro m(a, b=2, c=a) %}[{{ a }}{{ b }}{{ c }}]{% endmacro %}{{ m(1) }}{{ m(1, 3) }}{{ m(1, c=4) }}{{ m(b=1, a=0) }}{{ m() }}",
    "{% macro m(a) %}{{ a }}{{ varargs }}{{ kwargs }}{% endmacro %}{{ m(1, 2, 3, x=4) }}",
    "{% macro m() %}<{{ caller() }}>{% endmacro %}{% call m() %}in{{ n }}{% endcall %}",
    "{% macro m(xs) %}{% for x in xs %}{{ caller(x) }}{% endfor %}{% endmacro %}{% call(x) m(xs) %}[{{ x }}]{% endcall %}",
    "{% macro m() %}{{ caller is defined }}{% endmacro %}{{ m() }}{% call m() %}{% endcall %}",
    "{% macro f(k) %}{% if k > 0 %}{{ k }}{{ f(k - 1) }}{% endif %}{% endmacro %}{{ f(4) }}",
    "{% macro m() %}{{ late }}{% endmacro %}{% set late = 'x' %}{{ m() }}",
    "{% macro m() %}{% set inner = 1 %}{{ s }}{% endmacro %}{{ m() }}{{ inner }}{{ m }}",
    "{% macro a() %}x{% endmacro %}{% macro b() %}{{ a() | upper }}y{% endmacro %}{{ b() ~ a() + 'z' }}",
    "{% macro m(x) -%}\n  {{ x }}\n{%- endmacro %}[{{ m('a') }}]",
    "{% for x in xs %}{% macro m() %}{{ x }}{% endmacro %}{{ m() }}{% endfor %}",
    "{% generation %}a{{ n }}{% set w = 1 %}{% endgeneration %}{{ w }}",
    "{% raw %}{{ x }}{% if %}{# #}{% endraw %}",
    "a {%- raw -%} {{ x }} {%- endraw -%} b",
    "{# comment #}a{#- c -#} b {#+ d +#}\nc\n{# line #}\nd",
    "  {% if yes %}\n  a\n  {% endif %}\n  b\n",
    "a\n   {%- if yes %}  b  {%- endif %}  c",
    "a\n   {%+ if yes %}  b{% endif %}",
    "a {{- n -}} b {{ n }} c\n{{ n }}\n\nd",
    "a\n  {{ n }}\n  {% set x = 1 %}\nb\n",
    "a\n  {% set x = 1 +%}\nb\n",
    "{% if yes -%}\n   x\n{%- endif %}\n\n\n",
    "one\r\ntwo\rthree\n",
    "x {% set y = '%}' %}{{ y }}{{ '}}' }}{{ {'a': {'b': 1}}['a']['b'] }}",
    "{{ {'a': {}} }}{{ [{}] }}",
    "{{ 'multi\nline' }}{{ 'a\\\nb' }}",
    "{%if yes%}a{%endif%}{{n}}{{-n}}",
    "{% print n, s %}",
    "{% block b %}x{{ n }}{% endblock %}",
    "\u00fc\u4f60{{ u }}\U0001f600\n",
    "{{ strftime_now('%%') }}{{ strftime_now('') }}",
    "{% for m in messages %}<|{{ m.role }}|>{{ m['content'] | trim }}{% endfor %}",
    "{% set ns = namespace(last=-1) %}{% for m in messages[::-1] %}{% set i = messages | length - 1 - loop.index0 %}{% if ns.last == -1 and m.role == 'user' %}{% set ns.last = i %}{% endif %}{% endfor %}{{ ns.last }}",
    "{% for m in messages %}{% if '</think>' in m.content %}{{ m.content.split('</think>')[-1].lstrip('\\n') }}{{ m.content.split('</think>')[0].split('<think>')[-1] }}{% endif %}{% endfor %}",
    "{%- set loop_messages = messages[1:] if messages[0].role == 'system' else messages %}{{ loop_messages | length }}{{ loop_messages[0]['role'] }}",
    "{% if messages[0]['role'] == 'system' %}{% set sys = messages[0]['content'] %}{% else %}{% set sys = false %}{% endif %}{{ sys }}",
    "{{ messages | selectattr('role', 'equalto', 'user') | list | length }}{{ (messages | map(attribute='role') | list)[-1] }}",
    "{{ messages | tojson }}\n{{ messages[0] | tojson(indent=2) }}",
    "{% set d2 = dict(d, z=1) %}{{ d2.z }}{{ d2 | length }}",
    "{% set it = xs | map('string') %}{{ it | join }}{{ it | join }}",
    "{% set ns = namespace() %}{% set ns.a = [] %}{% set ns.a = ns.a + [1] %}{{ ns.a }}",
    "{% set f = s.upper %}{{ f() }}{% set g = '{}!'.format %}{{ g(1) }}",
    "{% if xs and d and s and not empty and not missing and not nothing and 0.0 == 0 %}t{% endif %}",
    "{% if (xs | select('odd')) %}t{% endif %}{% if namespace() %}n{% endif %}",
    "{% for x in xs -%}\n  {{ x }}\n{% endfor %}",
    "{% for x in xs %}\n\t{{ x }}\n{%- endfor %}|",
    "{% if yes: %}a{% endif %}",
    "{% for a, b in people | groupby('age') %}{{ a }}:{{ b | map(attribute='name') | join }};{% endfor %}",
    "{% for grade, list in [('a', [1])] %}{{ grade }}{{ list }}{% endfor %}",
    "",
    "\n",
    "\n\n",
    "text only",
]

# What Jinja refuses, when it reads the template or when it runs it.
REFUSED = [
    "{{ missing.x }}", "{{ missing['x'] }}", "{{ missing() }}", "{{ missing + 1 }}", "{{ missing | tojson }}",
    "{{ d.missing.x }}", "{{ nothing.x.y }}", "{{ xs[9].x }}", "{{ 1 + 'a' }}", "{{ 'a' + 1 }}", "{{ 'a' + none }}",
    "{{ xs + 'a' }}", "{{ d + d }}", "{{ 1 < 'a' }}", "{{ none < 1 }}", "{{ 1 in 1 }}", "{{ 1 in 'a' }}",
    "{{ 1 // 0 }}", "{{ 1 % 0 }}", "{{ 1 / 0 }}", "{{ s() }}", "{{ n.x.y }}", "{{ xs.append(1) }}",
    "{{ d.update({}) }}", "{{ d.pop('b') }}", "{{ s.__class__ }}x{{ s.__class__.x }}", "{{ s.nope() }}",
    "{{ 1 | length }}", "{{ none | length }}", "{{ none | list }}", "{{ 1 | join }}", "{{ xs | map('nope') | list }}",
    "{{ xs | nope }}", "{{ xs is nope }}", "{{ xs | select('nope') | list }}", "{{ d | items | length }}",
    "{{ (xs | map('string')) | last }}", "{{ d['b':] }}", "{{ nothing[1:] }}", "{{ d.get('x', default=1) }}", "{{ none | default('x') | join }}", "{{ 1 is == 1 }}", "{{ n is odd if yes else 2 }}", "{{ missing[1:] }}",
    "{{ raise_exception('no') }}", "{% if not yes %}{% else %}{{ raise_exception('x' ~ n) }}{% endif %}",
    "{{ {[]: 1} }}", "{{ 'a'.join([1]) }}", "{{ 'a'.index('b') }}", "{{ xs.index(9) }}", "{{ 'a'.split('') }}",
    "{{ range(1000000) }}", "{{ range('a') }}", "{{ range(1, 2, 0) }}", "{{ '%d' % 'a' }}", "{{ '%s' % (1, 2) }}",
    "{{ '%s %s' % 1 }}", "{{ '{}'.format() }}", "{{ '{a}'.format() }}", "{% for a, b in xs %}{% endfor %}",
    "{% for x in 1 %}{% endfor %}", "{% for x in none %}{% endfor %}", "{% set a, b = 1 %}", "{% set a, b = [1] %}",
    "{% set d.x = 1 %}", "{% set ns = namespace() %}{{ ns.x.y }}", "{% set ns = namespace(_x=1) %}",
    "{% macro m(a) %}{% endmacro %}{{ m(1, 2) }}", "{% macro m(a) %}{% endmacro %}{{ m(b=1) }}",
    "{% macro m(a) %}{{ a.x }}{% endmacro %}{{ m() }}", "{% macro m() %}{{ caller() }}{% endmacro %}{{ m() }}",
    "{% for x in xs %}{{ loop(x) }}{% endfor %}", "{{ loop.index }}", "{{ -s }}", "{{ s | abs }}", "{{ s is odd }}",
    "{{ [1, none] | sort }}", "{{ [1, 'a'] | sort }}", "{{ missing | int }}", "{{ xs | tojson(indent='a' + 1) }}",
    "{{ xs | sum(attribute='x') }}", "{{ ns | tojson }}", "{{ namespace() | tojson }}", "{{ d.keys() | tojson }}",
    "{{", "{{ }}", "{{ 1", "{{ 1 + }}", "{{ (1 }}", "{{ 1) }}", "{{ [1, }}", "{{ {'a' 1} }}", "{{ 'abc }}", "{{ a b }}",
    "{{ 1 if }}", "{{ x is }}", "{{ x | }}", "{{ x. }}", "{{ x[ ] }}", "{{ f(a=1, 2) }}", "{{ $ }}", "{{ a ? b }}",
    "{% if %}{% endif %}", "{% if x %}", "{% endif %}", "{% for %}{% endfor %}", "{% for x xs %}{% endfor %}",
    "{% for x in xs %}", "{% nope %}", "{% set %}", "{% set 1 = 2 %}", "{% set x %}", "{% set true = 1 %}",
    "{% macro %}{% endmacro %}", "{% macro m( %}{% endmacro %}", "{% macro m(a=1, b) %}{% endmacro %}",
    "{% call x %}{% endcall %}", "{% raw %} ", "{# never closed", "{% break %}", "{% do x %}",
    "{% else %}", "{% if x %}{% for y in z %}{% endif %}{% endfor %}", "{% ", "{%", "{% if x }}{% endif %}",
    "{{ x %}", "{% include 'x' %}", "{% extends 'x' %}", "{% import 'x' as y %}", "{{ x is not }}", "{{ 1 is odd is even }}",
]


def render(source):
    try:
        return environment().from_string(source).render(**VARIABLES)
    except Exception:
        return None


def main():
    sources = ["{{ (%s) }}" % line for line in EXPRESSIONS]
    cases = [{"template": source, "text": render(source)} for source in sources + TEMPLATES + REFUSED]
    for case in cases:
        if (case["text"] is None) != (case["template"] in REFUSED):
            print("unexpected:", case["template"], "->", case["text"])
    with open(os.path.join(HERE, "template_cases.json"), "w", encoding="utf-8") as out:
        json.dump({"variables": VARIABLES, "cases": cases}, out, ensure_ascii=True, indent=0)
    print(len(cases), "cases")


if __name__ == "__main__":
    main()
