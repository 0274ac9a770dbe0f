import { expect, test } from 'vitest';
import { makeCall } from '../dev/data';
import { append, countFresh } from './calllist';

const calls = Array.from({ length: 6 }, (_, i) => makeCall(i + 1, 1.7e15 - i * 1e6));
const ids = (list: { id: string }[]) => list.map((c) => c.id);

test('a page is added below, and a call that both pages hold appears once', () => {
  expect(ids(append(calls.slice(0, 3), calls.slice(2, 5)))).toEqual(ids(calls.slice(0, 5)));
});

test('only calls that are not in the list are new', () => {
  expect(countFresh(calls.slice(2), calls.slice(0, 4))).toBe(2);
  expect(countFresh(calls, calls)).toBe(0);
});

test('a call that began earlier and ended later is new too', () => {
  const [first, late, ...rest] = calls;
  expect(countFresh([first!, ...rest], [first!, late!, ...rest])).toBe(1);
});
