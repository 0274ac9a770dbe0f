import { expect, test } from 'vitest';
import type { CDR } from '../api/types';
import { inOrder } from './legs';

test('the legs of a conversation are in the order in which they began, to the microsecond', () => {
  const at = (id: string, start: string) => ({ id, start }) as CDR;
  const calls = [at('c', '2026-11-22T10:00:01Z'), at('b', '2026-11-22T10:00:00.000002Z'), at('a', '2026-11-22T10:00:00.000001Z')];
  expect(inOrder(calls).map((c) => c.id)).toEqual(['a', 'b', 'c']);
  expect(calls[0]!.id).toBe('c');
});
