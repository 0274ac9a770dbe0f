import { expect, test } from 'vitest';
import { freeNumber } from './sensors';

test.each([[[], 1], [[1, 2, 3], 4], [[2, 3], 1], [[3, 1], 2]])('with %j taken a new sensor gets number %i', (taken, want) => {
  expect(freeNumber(taken)).toBe(want);
});
