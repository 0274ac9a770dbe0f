import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { chosen, COLUMNS, isUsual, USUAL } from './columns';

test('the list has every column that an export has', () => {
  const source = readFileSync('../../protocol/calltable/columns.go', 'utf8');
  const names = [...source.matchAll(/\{Name: "(\w+)"/g)].map((m) => m[1]!).filter((n) => !['streams', 'messages'].includes(n));
  expect(names.length).toBeGreaterThan(30);
  expect(COLUMNS.map((c) => c.name).sort()).toEqual(names.sort());
});

test('columns are chosen by name, in the order of the names', () => {
  expect(chosen(['mos', 'nothing', 'start']).map((c) => c.name)).toEqual(['mos', 'start']);
  expect(chosen([])).toBe(USUAL);
  expect(isUsual(chosen(USUAL.map((c) => c.name)))).toBe(true);
  expect(isUsual(chosen(['start']))).toBe(false);
});
