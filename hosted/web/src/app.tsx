// The frame around every view: session, navigation, preferences, keyboard help.

import { Fragment } from 'preact';
import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { FiringBadge } from './alerts/badge';
import { api, asProblem, whenUnauthorized } from './api/client';
import type { Problem, User } from './api/types';
import { CallsPage } from './pages/calls';
import { LoginPage } from './pages/login';
import { keepDraft } from './rules/draft';
import { setPrefs, usePrefs, type Theme } from './prefs';
import { callsPath, navigate, useRoute, type Route } from './router';
import { offset, zoneName } from './time';
import { Empty, ProblemBox, useTitle } from './ui/bits';
import { Icon, type IconName } from './ui/icons';
import { typing } from './ui/keys';
import { lazy } from './ui/lazy';

const AccountPage = lazy(() => import('./pages/account').then((m) => m.AccountPage));
const AlertsPage = lazy(() => import('./pages/alerts').then((m) => m.AlertsPage));
const AuditPage = lazy(() => import('./pages/audit').then((m) => m.AuditPage));
const CallPage = lazy(() => import('./pages/call').then((m) => m.CallPage));
const DashboardPage = lazy(() => import('./pages/dashboard').then((m) => m.DashboardPage));
const OpenPage = lazy(() => import('./open/page').then((m) => m.OpenPage));
const RulesPage = lazy(() => import('./pages/rules').then((m) => m.RulesPage));
const SensorPage = lazy(() => import('./pages/sensor').then((m) => m.SensorPage));
const SensorsPage = lazy(() => import('./pages/sensors').then((m) => m.SensorsPage));
const UsersPage = lazy(() => import('./pages/users').then((m) => m.UsersPage));

function toLogin(ended: boolean) {
  if (location.pathname === '/login') return;
  const next = encodeURIComponent(location.pathname + location.search);
  navigate(`/login?next=${next}${ended ? '&ended=1' : ''}`, 'replace');
}

export function App() {
  const route = useRoute();
  const [user, setUser] = useState<User | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);

  const ask = useCallback(() => {
    setProblem(null);
    api.session().then(setUser, (e) => {
      const p = asProblem(e);
      if (p.status === 401) toLogin(false);
      else setProblem(p);
    });
  }, []);
  useEffect(() => {
    whenUnauthorized(() => {
      setUser(null);
      toLogin(true);
    });
    if (location.pathname !== '/login') ask();
  }, [ask]);

  if (route.page === 'login') {
    return (
      <LoginPage
        ended={route.ended}
        next={route.next}
        done={(u) => {
          setUser(u);
          navigate(route.next, 'replace');
        }}
      />
    );
  }
  if (problem) return <main class="page narrow"><ProblemBox problem={problem} retry={ask} /></main>;
  if (!user) return null; // for the moment that the session check takes
  return (
    <>
      <a class="skip" href="#main">Skip to the content</a>
      <Bar user={user} route={route} />
      <main id="main" tabIndex={-1}>
        <View route={route} user={user} />
      </main>
      <Help />
    </>
  );
}

function View({ route, user }: { route: Route; user: User }) {
  switch (route.page) {
    case 'calls': return <CallsPage query={route.query} user={user} />;
    case 'call': return <CallPage key={route.id} id={route.id} user={user} from={route.from} />;
    case 'dashboard': return <DashboardPage query={route.query} user={user} />;
    case 'sensors': return <SensorsPage user={user} add={route.add} />;
    case 'sensor': return <SensorPage key={route.uuid} uuid={route.uuid} />;
    case 'rules': return <RulesPage user={user} call={route.call} />;
    case 'open': return <OpenPage where={route.where} call={route.call} kept={route.kept} />;
    case 'alerts': return <AlertsPage query={route.query} />;
    case 'account': return <AccountPage user={user} />;
    case 'users': return user.role === 'admin' ? <UsersPage user={user} /> : <NotYours what="Users are changed" />;
    case 'audit': return user.role === 'admin' ? <AuditPage query={route.query} /> : <NotYours what="The audit log is read" />;
    default: return <Missing />;
  }
}

function Missing() {
  useTitle('Not found');
  return (
    <Empty title="There is no such page">
      <p>
        <a href="/calls">All calls</a>
      </p>
    </Empty>
  );
}

function NotYours({ what }: { what: string }) {
  useTitle('Not allowed');
  return (
    <Empty title="This page is for administrators">
      <p>{what} by administrators of your tenant.</p>
      <p><a href="/calls">All calls</a></p>
    </Empty>
  );
}

function Bar({ user, route }: { user: User; route: Route }) {
  const nav = useRef<HTMLElement>(null);
  useEffect(() => nav.current?.querySelector('[aria-current]')?.scrollIntoView({ block: 'nearest', inline: 'nearest' }), [route.page]); // in a narrow window it scrolls
  const logout = () => api.logout().then(toLoginPage, toLoginPage);
  const here = (page: string) => (route.page === page || (page === 'calls' && route.page === 'call') || (page === 'sensors' && route.page === 'sensor') ? 'page' : undefined);
  return (
    <header class="bar">
      <a class="brand" href={callsPath('')} aria-label="voiptop, all calls">
        <svg viewBox="0 0 32 32" width="22" height="22" aria-hidden="true">
          <path d="M2 17h6l4-10 6 18 5-12 2 4h5" />
        </svg>
        <span>voiptop</span>
      </a>
      <nav aria-label="Pages" ref={nav}>
        <a href="/calls" aria-current={here('calls')}>Calls</a>
        <a href="/dashboard" aria-current={here('dashboard')}>Dashboard</a>
        <a href="/sensors" aria-current={here('sensors')}>Sensors</a>
        <a href="/alerts" aria-current={here('alerts')}>Alerts <FiringBadge /></a>
        <a href="/rules" aria-current={here('rules')}>Rules</a>
        <a href="/open" aria-current={here('open')}>Open PCAP</a>
        {user.role === 'admin' && (
          <>
            <a href="/users" aria-current={here('users')}>Users</a>
            <a href="/audit" aria-current={here('audit')}>Audit</a>
          </>
        )}
      </nav>
      <ZoneSwitch />
      <ThemeSwitch />
      <div class="user">
        <a class="who" href="/account" aria-current={here('account')} title={`${user.name}, ${user.role} of ${user.tenant}: password, sessions, API tokens`}>
          {user.name} <small>{user.tenant}</small>
        </a>
        <a class="small-only quiet-button" href="/account" aria-current={here('account')}><Icon name="user" label="Account" /></a>
        <button type="button" class="quiet-button" onClick={logout} title="Log out">
          <span class="wide-only">Log out</span>
          <span class="small-only"><Icon name="logout" label="Log out" /></span>
        </button>
      </div>
    </header>
  );
}

// toLoginPage loads anew: nothing of the session stays in memory, nor in the tab.
function toLoginPage() {
  keepDraft(null);
  location.assign('/login?out=1');
}

// ZoneSwitch is always in sight: which zone the times on the page are in, and the other one a click away.
function ZoneSwitch() {
  const { zone } = usePrefs();
  const now = Date.now() * 1000;
  return (
    <div class="segments" role="group" aria-label="Time zone">
      <button type="button" aria-pressed={zone === 'utc'} onClick={() => setPrefs({ zone: 'utc' })}>UTC</button>
      <button type="button" aria-pressed={zone === 'local'} title={`${zoneName('local')} ${offset(now, 'local')}`} onClick={() => setPrefs({ zone: 'local' })}>
        <span class="wide-only">{/UTC|GMT/.test(zoneName('local')) ? 'Local' : zoneName('local')} </span>
        <span class="small-only">Local </span>
        <small>{offset(now, 'local')}</small>
      </button>
    </div>
  );
}

const THEMES: Record<Theme, [Theme, IconName, string]> = {
  auto: ['light', 'auto', 'Theme: as the system'],
  light: ['dark', 'sun', 'Theme: light'],
  dark: ['auto', 'moon', 'Theme: dark'],
};

function ThemeSwitch() {
  const { theme } = usePrefs();
  const [next, icon, label] = THEMES[theme];
  return (
    <button type="button" class="quiet-button" aria-label={`${label}. Change`} title={label} onClick={() => setPrefs({ theme: next })}>
      <Icon name={icon} />
    </button>
  );
}

const KEYS: [string, string][] = [
  ['/', 'search'], ['j  k', 'next and previous row'], ['Enter', 'open the row'], ['u', 'back to the list'], ['t', 'UTC or local time'], ['l', 'listen to the call'], ['?', 'this help'],
  ['Space', 'on the waveform: play, pause'], ['← →', '5 s back, on; with Shift 0.5 s'], ['n  p', 'next, previous bad place'], ['+  −', 'closer, wider'], ['Ctrl S', 'in the rule editor: save'], ['Ctrl Space', 'what may be written here'],
];

// Help holds the keys that work everywhere, and lists all.
function Help() {
  const dialog = useRef<HTMLDialogElement>(null);
  const { zone } = usePrefs();
  useEffect(() => {
    const key = (e: KeyboardEvent) => {
      if (typing(e)) return;
      if (e.key === '?') dialog.current?.showModal();
      else if (e.key === 't') setPrefs({ zone: zone === 'utc' ? 'local' : 'utc' });
      else return;
      e.preventDefault();
    };
    document.addEventListener('keydown', key);
    return () => document.removeEventListener('keydown', key);
  }, [zone]);
  return (
    <dialog ref={dialog} aria-label="Keys">
      <h2>Keys</h2>
      <dl class="keys">
        {KEYS.map(([k, what]) => (
          <Fragment key={k}>
            <dt><kbd>{k}</kbd></dt>
            <dd>{what}</dd>
          </Fragment>
        ))}
      </dl>
      <form method="dialog">
        <button>Close</button>
      </form>
    </dialog>
  );
}
