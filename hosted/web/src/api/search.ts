// The part of hosted's API that is about searches: conditions, saved searches, counts.

import { request } from './client';
import type { RuleError, RuleField } from './types';

export interface SavedSearch {
  id: string;
  name: string;
  where: string;
  range: string; // "15m", "24h", "FROM/TO"; "": all times
  columns: string[]; // none: the usual ones
  shared: boolean;
  author: string;
  changed: string;
  may_change: boolean;
}

export type NewSearch = Pick<SavedSearch, 'name' | 'where' | 'range' | 'columns' | 'shared'>;

export interface ConditionFields {
  fields: RuleField[];
  groups: string[];
  zone: string; // of time and day
}

export interface Count {
  calls: number;
  complete: boolean; // there are no more
  searched?: string; // how far back was looked
}

async function ask<T>(method: string, path: string, body?: unknown, signal?: AbortSignal): Promise<T> {
  const init: RequestInit = body === undefined ? {} : { body: JSON.stringify(body), headers: { 'Content-Type': 'application/json' } };
  if (signal) init.signal = signal;
  const res = await request(method, path, init);
  return (res.status === 204 ? null : await res.json()) as T;
}

export const searchAPI = {
  check: (where: string, signal?: AbortSignal) => ask<{ ok: boolean; error?: RuleError }>('GET', `/searches/check?${new URLSearchParams({ where })}`, undefined, signal),
  fields: () => ask<ConditionFields>('GET', '/searches/fields'),
  count: (query: URLSearchParams, signal?: AbortSignal) => ask<Count>('GET', `/calls/count?${query}`, undefined, signal),
  list: () => ask<SavedSearch[]>('GET', '/searches'),
  save: (s: NewSearch) => ask<SavedSearch>('POST', '/searches', s),
  change: (id: string, s: NewSearch) => ask<SavedSearch>('PUT', `/searches/${id}`, s),
  remove: (id: string) => ask<null>('DELETE', `/searches/${id}`),
};
