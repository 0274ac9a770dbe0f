// One call: what happened, what was wrong, its ladder, its streams, its packets.

import { useCallback, useEffect, useState } from 'preact/hooks';
import { aborted, api, asProblem } from '../api/client';
import type { CDR, Problem, Sensor, User } from '../api/types';
import { party } from '../format';
import { back } from '../router';
import { Empty, ProblemBox, useTitle } from '../ui/bits';
import { Icon } from '../ui/icons';
import { typing } from '../ui/keys';
import { CallHead, Facts, Findings, Signalling } from './callparts';
import { CapturePanel } from './capture';
import { Legs, useLegs } from './legs';
import { ListenPanel } from './listen';
import { audioState } from './reasons';
import { Streams } from './streams';

const RUNNING_MS = 2000; // how often a running call is asked for again

export function CallPage({ id, user, from }: { id: string; user: User; from: number | null }) {
  const [cdr, setCDR] = useState<CDR | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [sensors, setSensors] = useState<Sensor[] | null>(null);
  useTitle(cdr ? `${party(cdr.caller, cdr.caller_name)} → ${party(cdr.callee)}` : 'Call');

  const load = useCallback(
    (signal?: AbortSignal) =>
      api.call(id, signal).then(
        (c) => {
          setCDR(c);
          setProblem(null);
        },
        (e) => {
          if (!aborted(e)) setProblem(asProblem(e));
        },
      ),
    [id],
  );
  useEffect(() => {
    const control = new AbortController();
    window.scrollTo(0, 0);
    void load(control.signal);
    void api.sensors(control.signal).then(setSensors, () => setSensors([]));
    return () => control.abort();
  }, [load]);

  const holder = sensors?.find((s) => s.id_sensor === cdr?.sensor_id && !s.revoked);
  const legs = useLegs(cdr);
  const listen = cdr && sensors ? audioState(cdr, holder, user) : null;
  const running = cdr !== null && !cdr.end;
  useEffect(() => {
    if (!running) return;
    const t = setInterval(() => document.hidden || load(), RUNNING_MS);
    return () => clearInterval(t);
  }, [running, load]);

  useEffect(() => {
    const key = (e: KeyboardEvent) => {
      if (e.key === 'u' && !typing(e)) back('/calls');
    };
    document.addEventListener('keydown', key);
    return () => document.removeEventListener('keydown', key);
  }, []);

  return (
    <div class="page call">
      <button type="button" class="quiet-button back" onClick={() => back('/calls')}>
        <Icon name="back" /> Calls
      </button>
      {problem && (problem.status === 404 && !cdr ? <NoCall id={id} /> : <ProblemBox problem={problem} retry={() => load()} />)}
      {cdr && (
        <>
          <CallHead cdr={cdr} />
          {listen?.get && <ListenPanel key="listen" cdr={cdr} state={listen} user={user} from={from} />}
          <div class="two">
            <Findings cdr={cdr} />
            {sensors && <CapturePanel cdr={cdr} sensor={holder} user={user} legs={legs.length} />}
            {listen && !listen.get && <ListenPanel key="silent" cdr={cdr} state={listen} user={user} from={from} />}
            <div class="left">
              <Signalling cdr={cdr} legs={legs} />
              <Legs cdr={cdr} legs={legs} />
            </div>
            <Facts cdr={cdr} sensor={sensors?.find((s) => s.id_sensor === cdr.sensor_id)} />
          </div>
          <Streams cdr={cdr} />
        </>
      )}
      {!cdr && !problem && <p class="quiet">Loading …</p>}
    </div>
  );
}

function NoCall({ id }: { id: string }) {
  return (
    <Empty title="This call is not here">
      <p><code>{id}</code></p>
      <p>Calls are kept for 25 days. A call that just ended can take a few seconds to arrive from its sensor.</p>
      <p><a href="/calls">All calls</a></p>
    </Empty>
  );
}
