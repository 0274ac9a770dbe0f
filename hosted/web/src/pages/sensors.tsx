// The tenant's sensors: who is there, who is behind, how to add one.

import { Fragment } from 'preact';
import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { api, asProblem } from '../api/client';
import type { EnrolToken, Problem, Sensor, User } from '../api/types';
import { count, NONE, plural } from '../format';
import { sensorPath } from '../router';
import { clockSkew, disk, drops, queue, type Figure } from '../sensor/figures';
import { ago, micros } from '../time';
import { Copy, Empty, Pill, ProblemBox, Said, SeverityIcon, useNow, useTitle } from '../ui/bits';
import '../style/sensor.css';

const REFRESH_MS = 5000;

export function SensorsPage({ user, add }: { user: User; add: boolean }) {
  const [sensors, setSensors] = useState<Sensor[] | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [adding, setAdding] = useState(add);
  useTitle('Sensors');

  const load = useCallback(() => {
    void api.sensors().then(
      (s) => {
        setSensors(s);
        setProblem(null);
      },
      (e) => setProblem(asProblem(e)),
    );
  }, []);
  useEffect(() => {
    window.scrollTo(0, 0);
    load();
    const t = setInterval(() => document.hidden || load(), REFRESH_MS);
    return () => clearInterval(t);
  }, [load]);

  const admin = user.role === 'admin';
  const active = sensors?.filter((s) => !s.revoked) ?? [];
  const revoked = sensors?.filter((s) => s.revoked) ?? [];
  return (
    <div class="page sensors">
      <div class="panel-head">
        <h1>Sensors</h1>
        {sensors && <span class="quiet">{active.filter((s) => s.online).length} of {active.length} online</span>}
        {admin && !adding && <button type="button" class="primary" onClick={() => setAdding(true)}>Add a sensor</button>}
      </div>
      {problem && <ProblemBox problem={problem} retry={load} />}
      {adding && admin && <AddSensor taken={active.map((s) => s.id_sensor)} close={() => setAdding(false)} />}
      {sensors && active.length === 0 && !adding && (
        <Empty title="No sensor is paired yet">
          <p>A sensor is sensord beside your PBX. It dials out to this service; no port needs to be opened towards it.</p>
          {!admin && <p>An administrator of {user.tenant} can add one here.</p>}
        </Empty>
      )}
      {active.length > 0 && <SensorTable sensors={active} admin={admin} changed={load} />}
      {revoked.length > 0 && (
        <details>
          <summary>{plural(revoked.length, 'revoked sensor')}</summary>
          <SensorTable sensors={revoked} admin={false} changed={load} />
        </details>
      )}
    </div>
  );
}

function SensorTable({ sensors, admin, changed }: { sensors: Sensor[]; admin: boolean; changed: () => void }) {
  const now = useNow(5000);
  const [asked, setAsked] = useState<Sensor | null>(null);
  const when = (t: string | null) => {
    const us = micros(t);
    return us === null ? 'never' : ago(us, now);
  };
  return (
    <>
      <table class="data stacked">
        <thead>
          <tr>
            <th class="n">ID</th><th>Name</th><th>State</th><th class="n">Channels</th><th class="n">Queue</th><th class="n">Drops</th><th class="n">Disk</th><th class="n">Clock</th><th>Last call record</th><th>Last seen</th><th>Version</th>{admin && <th><span class="sr">Actions</span></th>}
          </tr>
        </thead>
        <tbody>
          {sensors.map((s) => (
            <Fragment key={s.uuid}>
              <tr data-sensor={s.uuid} class={s.problems?.length || (!s.online && s.last_error) ? 'more' : ''}>
                <td class="n" data-label="ID">{s.id_sensor}</td>
                <td data-label="Name" title={s.uuid}><a href={sensorPath(s.uuid)}><strong>{s.name || 'unnamed'}</strong></a></td>
                <td data-label="State">{s.revoked ? <Pill tone="quiet">revoked</Pill> : s.online ? <><Pill tone="ok">online</Pill>{s.node && <span class="quiet" title="the node of hosted that holds its link"> at {s.node}</span>}</> : <Pill tone="bad">offline</Pill>}{!s.revoked && SWITCHES.map(([right, word, key]) => !s.capabilities.includes(right) && <Fragment key={right}> <Pill tone="quiet">no {word}</Pill><span class="sr"> ({key} = no, or an older version)</span></Fragment>)}</td>
                <td class="n" data-label="Channels" title="calls that run now">{s.online ? count(s.running) : NONE}{!!s.over_limit && s.online && <strong class="over"> {count(s.over_limit)} over</strong>}</td>
                <FigureCell label="Queue" f={queue(s)} />
                <FigureCell label="Drops" f={drops(s)} />
                <FigureCell label="Disk" f={disk(s)} />
                <FigureCell label="Clock" f={clockSkew(s)} />
                <td data-label="Last call record" title={s.last_cdr ?? ''}>{when(s.last_cdr)}</td>
                <td data-label="Last seen" title={s.last_seen ?? ''}>{s.online ? 'now' : when(s.last_seen)}</td>
                <td data-label="Version">{s.version || NONE} <small>{s.os && `${s.os}/${s.arch}`}</small></td>
                {admin && <td class="act"><button type="button" class="danger" onClick={() => setAsked(s)} aria-label={`Revoke sensor ${s.id_sensor}, ${s.name}`}>Revoke</button></td>}
              </tr>
              {!!s.problems?.length && (
                <tr class="below">
                  <td colSpan={admin ? 12 : 11}><Problems problems={s.problems} /></td>
                </tr>
              )}
              {!s.problems?.length && !s.online && !s.revoked && s.last_error && (
                <tr class="below">
                  <td colSpan={admin ? 12 : 11} class="quiet">When it was heard last: {s.last_error.title} <code>{s.last_error.code}</code></td>
                </tr>
              )}
            </Fragment>
          ))}
        </tbody>
      </table>
      {asked && (
        <Revoke
          sensor={asked}
          done={() => {
            setAsked(null);
            changed();
          }}
        />
      )}
    </>
  );
}

function FigureCell({ label, f }: { label: string; f: Figure }) {
  return <td class="n" data-label={label} title={f.title}>{f.tone === 'ok' ? f.text : <Pill tone={f.tone}>{f.text}</Pill>}</td>;
}

// SWITCHES are what a sensor's owner can switch off for this service.
const SWITCHES = [['listen', 'listening', 'cloud_listen'], ['download', 'downloads', 'cloud_download']] as const;

function Problems({ problems }: { problems: Problem[] }) {
  return (
    <ul class="findings">
      {problems.map((p) => (
        <li key={p.code} class="warn">
          <SeverityIcon severity="warn" />
          <div>
            <strong>{p.title}</strong>
            {p.detail && <p><Said text={p.detail} /></p>}
            {p.remedy && <p><Said text={p.remedy} /></p>}
            <p class="quiet"><code>{p.code}</code></p>
          </div>
        </li>
      ))}
    </ul>
  );
}

function Revoke({ sensor, done }: { sensor: Sensor; done: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  useEffect(() => dialog.current?.showModal(), []);
  const revoke = () => api.revoke(sensor.uuid).then(done, (e) => setProblem(asProblem(e)));
  return (
    <dialog ref={dialog} onClose={done} aria-labelledby="revoke-title">
      <h2 id="revoke-title">Revoke sensor {sensor.id_sensor}, {sensor.name}?</h2>
      <p>Its connections are closed at once and its key is refused from then on. Its {plural(sensor.cdrs, 'call record')} stay. The captures on its disk cannot be downloaded any more.</p>
      <p>To bring the machine back, pair it again with a new token.</p>
      {problem && <ProblemBox problem={problem} />}
      <div class="buttons">
        <button type="button" autoFocus onClick={() => dialog.current?.close()}>Keep it</button>
        <button type="button" class="danger" onClick={revoke}>Revoke</button>
      </div>
    </dialog>
  );
}

function AddSensor({ taken, close }: { taken: number[]; close: () => void }) {
  const [token, setToken] = useState<EnrolToken | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [busy, setBusy] = useState(false);
  const now = useNow(1000);

  const make = () => {
    setBusy(true);
    setProblem(null);
    void api.enrol().then(setToken, (e) => setProblem(asProblem(e))).finally(() => setBusy(false));
  };

  const left = token ? Math.max(0, Math.ceil(((micros(token.expires) ?? 0) - now) / 60e6)) : 0;
  return (
    <section class="panel add" aria-labelledby="add-title">
      <div class="panel-head">
        <h2 id="add-title">Add a sensor</h2>
        <button type="button" class="quiet-button" onClick={close}>Close</button>
      </div>
      <ol class="steps">
        <li>
          Install <code>sensord</code> and <code>voipmon</code> on a machine that sees the calls. It needs to reach this service on TCP {port(token?.server)}; nothing needs to reach it.
        </li>
        <li>
          {!token ? (
            <>
              Make a token. It lets one sensor enrol, once, within an hour.
              <p><button type="button" class="primary" onClick={make} disabled={busy}>Make a token</button></p>
            </>
          ) : left === 0 ? (
            <>
              The token has expired. <button type="button" class="link" onClick={make}>Make another</button>
            </>
          ) : (
            <>
              Copy the token. It is valid for {left} more min, for one sensor, and is not shown again.
              <Command text={token.token} label="Copy the token" />
            </>
          )}
        </li>
        <li>
          Write its configuration, or add these lines to the <code>voipmonitor.conf</code> that is there. <code>interface</code> is where the calls pass.
          <Command text={`id_sensor = ${freeNumber(taken)}\ninterface = eth0\nserver_destination = ${token?.server ?? 'HOST:60023'}\npacketbuffer_sender = yes`} label="Copy the configuration" />
        </li>
        <li>
          Pair it there. The command asks for the token, so that it stays out of the shell&apos;s history: paste it and press Enter.
          <Command text={`voipmon pair --server ${token?.server ?? 'HOST:60023'} --token - -c /etc/voipmonitor.conf`} label="Copy the pairing command" />
        </li>
        <li>
          Start the sensor. It shows up below within seconds; if not, <code>voipmon doctor</code> says why.
          <Command text="sensord -c /etc/voipmonitor.conf" label="Copy the start command" />
        </li>
      </ol>
      {problem && <ProblemBox problem={problem} />}
    </section>
  );
}

// freeNumber is the lowest id_sensor that no sensor of the tenant has.
export function freeNumber(taken: number[]): number {
  let n = 1;
  while (taken.includes(n)) n++;
  return n;
}

const port = (server: string | undefined) => server?.split(':').at(-1) ?? '60023';

function Command({ text, label }: { text: string; label: string }) {
  return (
    <div class="command">
      <code>{text}</code>
      <Copy text={text} label={label} />
    </div>
  );
}
