// Views are URLs: the history API, one table of routes, and links that are plain <a href>.

import { useEffect, useState } from 'preact/hooks';

export type Route =
  | { page: 'login'; next: string; ended: boolean } // ended: a session was there and is over
  | { page: 'calls'; query: string }
  | { page: 'call'; id: string; from: number | null } // from: listen from there, s
  | { page: 'dashboard'; query: string }
  | { page: 'sensors'; add: boolean }
  | { page: 'sensor'; uuid: string }
  | { page: 'rules'; call: string } // call: one to make a rule from, ""
  | { page: 'alerts'; query: string }
  | { page: 'open'; where: string; call: string; kept: string } // a capture from the user's disk; call: one of it, ""; kept: the call whose packets are to be opened, ""
  | { page: 'users' }
  | { page: 'account' }
  | { page: 'audit'; query: string }
  | { page: 'missing'; path: string };

export function parseRoute(path: string, search: string): Route {
  const params = new URLSearchParams(search);
  if (path === '/' || path === '/calls') return { page: 'calls', query: params.toString() };
  if (path === '/login') return { page: 'login', next: localPath(params.get('next')), ended: params.has('ended') };
  if (path === '/dashboard') return { page: 'dashboard', query: params.toString() };
  if (path === '/sensors') return { page: 'sensors', add: params.has('add') };
  if (path === '/rules') return { page: 'rules', call: params.get('call') ?? '' };
  if (path === '/alerts') return { page: 'alerts', query: params.toString() };
  if (path === '/users') return { page: 'users' };
  if (path === '/account') return { page: 'account' };
  if (path === '/audit') return { page: 'audit', query: params.toString() };
  if (path === '/open') return { page: 'open', where: params.get('where') ?? '', call: '', kept: params.get('kept') ?? '' };
  const opened = /^\/open\/calls\/([0-9a-f-]{36})$/.exec(path);
  if (opened) return { page: 'open', where: params.get('where') ?? '', call: opened[1]!, kept: '' };
  const sensor = /^\/sensors\/([0-9a-f-]{36})$/.exec(path);
  if (sensor) return { page: 'sensor', uuid: sensor[1]! };
  const call = /^\/calls\/([^/]+)$/.exec(path);
  if (call) {
    try {
      return { page: 'call', id: decodeURIComponent(call[1]!), from: seconds(params.get('t')) };
    } catch {
      return { page: 'missing', path };
    }
  }
  return { page: 'missing', path };
}

// seconds reads a position; null: none is given.
const seconds = (t: string | null) => (t !== null && /^\d+(\.\d+)?$/.test(t) ? Number(t) : null);

// localPath lets a redirect after login lead nowhere but into this site.
export function localPath(next: string | null): string {
  return next && /^\/(?![/\\])/.test(next) && !next.startsWith('/login') ? next : '/calls';
}

export const callPath = (id: string) => `/calls/${encodeURIComponent(id)}`;
export const sensorPath = (uuid: string) => `/sensors/${uuid}`;
export const openPath = (where: string, call = '') => `/open${call && `/calls/${call}`}${where ? `?${new URLSearchParams({ where })}` : ''}`;
export const callsPath = (query: string) => (query ? `/calls?${query}` : '/calls');

const listeners = new Set<() => void>();

export function navigate(path: string, how: 'push' | 'replace' = 'push') {
  if (how === 'push') history.pushState({ inside: true }, '', path);
  else history.replaceState(history.state, '', path);
  for (const f of listeners) f();
}

// back returns to where the user came from inside the site, or to the given path when the page was opened by a link.
export function back(otherwise: string) {
  if ((history.state as { inside?: boolean } | null)?.inside) history.back();
  else navigate(otherwise);
}

export function useRoute(): Route {
  const [, again] = useState(0);
  useEffect(() => {
    const f = () => again((n) => n + 1);
    listeners.add(f);
    window.addEventListener('popstate', f);
    document.addEventListener('click', followLink);
    history.scrollRestoration = 'manual';
    return () => {
      listeners.delete(f);
      window.removeEventListener('popstate', f);
      document.removeEventListener('click', followLink);
    };
  }, []);
  return parseRoute(location.pathname, location.search);
}

// followLink turns a plain click on a link of this site into a change of view.
function followLink(e: MouseEvent) {
  if (e.defaultPrevented || e.button !== 0 || e.metaKey || e.ctrlKey || e.shiftKey || e.altKey) return;
  const a = (e.target as Element | null)?.closest?.('a');
  if (!a || a.target || a.hasAttribute('download') || a.origin !== location.origin || a.pathname.startsWith('/api/') || a.getAttribute('href')?.startsWith('#')) return;
  e.preventDefault();
  navigate(a.pathname + a.search);
}
