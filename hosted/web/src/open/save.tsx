// Saves what the engine makes to the user's disk.

import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { aborted, asProblem } from '../api/client';
import type { Problem } from '../api/types';
import { save } from '../download/button';
import { bytes } from '../format';
import { ProblemBox } from '../ui/bits';
import { Icon, type IconName } from '../ui/icons';
import type { Engine } from './engine';

interface Props {
  engine: Engine;
  target: string;
  icon: IconName;
  primary?: boolean;
  action: string; // for tests
  children: ComponentChildren;
}

export function SaveButton({ engine, target, icon, primary, action, children }: Props) {
  const [busy, setBusy] = useState(false);
  const [said, setSaid] = useState('');
  const [problem, setProblem] = useState<Problem | null>(null);
  const control = useRef<AbortController | null>(null);
  useEffect(() => () => control.current?.abort(), []);
  useEffect(() => {
    if (!said) return;
    const t = setTimeout(() => setSaid(''), 4000);
    return () => clearTimeout(t);
  }, [said]);
  const run = async () => {
    control.current = new AbortController();
    setBusy(true);
    setProblem(null);
    try {
      const r = await engine.ask(target, control.current.signal);
      const url = URL.createObjectURL(r.body);
      save(url, r.name);
      setTimeout(() => URL.revokeObjectURL(url), 60_000);
      setSaid(`Saved, ${bytes(r.body.size)}`);
    } catch (e) {
      if (!aborted(e)) setProblem(asProblem(e));
    }
    setBusy(false);
  };
  return (
    <>
      <button type="button" class={primary ? 'primary' : ''} onClick={run} disabled={busy} data-action={action}><Icon name={icon} /> {children}</button>
      {(busy || said) && <span class="quiet" role="status">{busy ? 'Making it …' : said}</span>}
      {problem && <ProblemBox problem={problem} retry={run} />}
    </>
  );
}
