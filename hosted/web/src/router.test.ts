import { describe, expect, test } from 'vitest';
import { callPath, callsPath, localPath, parseRoute } from './router';

describe('a URL names a view', () => {
  test.each([
    ['/', '', { page: 'calls', query: '' }], ['/calls', '?q=1&kept=1', { page: 'calls', query: 'q=1&kept=1' }], ['/calls/0192-ab', '', { page: 'call', id: '0192-ab', from: null }],
    ['/calls/0192-ab', '?t=12.5', { page: 'call', id: '0192-ab', from: 12.5 }], ['/calls/0192-ab', '?t=x', { page: 'call', id: '0192-ab', from: null }], ['/rules', '', { page: 'rules', call: '' }],
    ['/rules', '?call=0192-ab', { page: 'rules', call: '0192-ab' }], ['/users', '', { page: 'users' }], ['/audit', '?user=jana', { page: 'audit', query: 'user=jana' }],
    ['/sensors', '', { page: 'sensors', add: false }], ['/sensors', '?add=1', { page: 'sensors', add: true }], ['/login', '?next=%2Fsensors', { page: 'login', next: '/sensors', ended: false }], ['/login', '?ended=1', { page: 'login', next: '/calls', ended: true }],
    ['/open', '', { page: 'open', where: '', call: '', kept: '' }], ['/open', '?where=mos%3C4', { page: 'open', where: 'mos<4', call: '', kept: '' }], ['/open', '?kept=0192-ab', { page: 'open', where: '', call: '', kept: '0192-ab' }],
    ['/open/calls/01a20196-3bdf-7845-ac09-78681455d7fc', '?where=x', { page: 'open', where: 'x', call: '01a20196-3bdf-7845-ac09-78681455d7fc', kept: '' }], ['/open/calls/x', '', { page: 'missing', path: '/open/calls/x' }],
    ['/elsewhere', '', { page: 'missing', path: '/elsewhere' }], ['/calls/%E0%A4%A', '', { page: 'missing', path: '/calls/%E0%A4%A' }],
  ])('%s%s', (path, search, want) => expect(parseRoute(path, search)).toEqual(want));

  test('a Call-ID with any characters comes back', () => {
    for (const id of ['abc@10.0.0.5', 'a/b?c#d', 'ž%20']) expect(parseRoute(callPath(id), '')).toEqual({ page: 'call', id, from: null });
  });
  test('no filter, no query', () => expect(callsPath('')).toBe('/calls'));
});

test.each([['//evil.example', '/calls'], ['https://evil.example', '/calls'], ['/\\evil.example', '/calls'], ['/login?next=/login', '/calls'], [null, '/calls'], ['/calls/1?x=2', '/calls/1?x=2']])(
  'after the login %s leads to %s',
  (next, want) => expect(localPath(next)).toBe(want),
);
