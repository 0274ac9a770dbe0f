// Which rules each sensor has in force: its own, which are written on the sensor and only shown here, and the tenant's.

import { useEffect, useState } from 'preact/hooks';
import { api, asProblem } from '../api/client';
import type { Problem, Sensor, SensorRules } from '../api/types';
import { Pill, ProblemBox } from '../ui/bits';
import { RuleText } from './read';

const REFRESH_MS = 2000;

export function SensorRulesPanel({ revision }: { revision: number }) {
  const [sensors, setSensors] = useState<Sensor[] | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  useEffect(() => {
    const control = new AbortController();
    const load = () =>
      api.sensors(control.signal).then(
        (s) => {
          setSensors(s.filter((x) => !x.revoked));
          setProblem(null);
        },
        (e) => control.signal.aborted || setProblem(asProblem(e)),
      );
    void load();
    const t = setInterval(() => document.hidden || void load(), REFRESH_MS);
    return () => {
      clearInterval(t);
      control.abort();
    };
  }, [revision]);
  return (
    <section class="panel in-force" aria-labelledby="in-force">
      <h2 id="in-force">In force on the sensors</h2>
      {problem && <ProblemBox problem={problem} />}
      {sensors?.length === 0 && <p class="quiet">No sensor is paired yet; the rules wait for the first one.</p>}
      {sensors?.map((s) => <OneSensor key={s.uuid} sensor={s} revision={revision} />)}
    </section>
  );
}

function OneSensor({ sensor: s, revision }: { sensor: Sensor; revision: number }) {
  const [open, setOpen] = useState(false);
  const [rules, setRules] = useState<SensorRules | null>(null);
  const [failed, setFailed] = useState<Problem | null>(null);
  useEffect(() => {
    if (!open || !s.online) return;
    const control = new AbortController();
    api.sensorRules(s.uuid, control.signal).then(
      (r) => {
        setRules(r);
        setFailed(null);
      },
      (e) => control.signal.aborted || setFailed(asProblem(e)),
    );
    return () => control.abort();
  }, [open, s.uuid, s.online, s.local_rule_revision, s.hosted_rule_revision]);
  const problem = failed ?? s.rules_problem;
  return (
    <details data-sensor={s.uuid} onToggle={(e) => setOpen(e.currentTarget.open)}>
      <summary>
        <strong>{s.id_sensor} {s.name}</strong> <State sensor={s} revision={revision} />
        <span class="quiet">{s.local_rule_revision ? `local rules, revision ${s.local_rule_revision}` : s.online ? 'no local rules' : ''}</span>
      </summary>
      {problem && <ProblemBox problem={problem} />}
      {!s.online && <p class="quiet">The sensor is offline. It goes on with the rules it has and gets these when it is back.</p>}
      {s.online && rules && (
        <>
          {rules.text.trim() ? (
            <>
              <p class="quiet">Its local rules, read first. They are written on the sensor (its rules_file, or voiptop) and only shown here.</p>
              <RuleText text={rules.text} label={`Local rules of sensor ${s.id_sensor}`} />
            </>
          ) : (
            <p class="quiet">It has no rules of its own: those above decide alone.</p>
          )}
        </>
      )}
    </details>
  );
}

function State({ sensor: s, revision }: { sensor: Sensor; revision: number }) {
  const has = s.hosted_rule_revision;
  if (!s.online) return <Pill tone="quiet">offline{has ? `, last had revision ${has}` : ''}</Pill>;
  if (s.rules_problem) return <Pill tone="bad">{has ? `keeps to revision ${has}: ` : ''}{s.rules_problem.title}</Pill>;
  if (s.rules_current && has === revision) return <Pill tone="ok">{revision ? `revision ${has} in force` : 'up to date'}</Pill>;
  return <Pill tone="warn">{has ? `still revision ${has}` : 'has none of these yet'}</Pill>;
}
