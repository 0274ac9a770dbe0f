// A SIP message as it was on the wire.

import { useEffect, useState } from 'preact/hooks';
import { aborted, asProblem } from '../api/client';
import type { Message, Problem } from '../api/types';
import { usePrefs } from '../prefs';
import { clock, micros, zoneName } from '../time';
import { Copy, ProblemBox } from '../ui/bits';
import { Icon } from '../ui/icons';
import type { Engine } from './engine';
import { lines, whole, type Text } from './texts';

interface Props {
  engine: Engine;
  call: string; // whose message it is
  messages: Message[]; // that the ladder shows
  message: Message;
  pick: (m: Message | null) => void;
}

export function MessageText({ engine, call, messages, message, pick }: Props) {
  const { zone } = usePrefs();
  const [got, setGot] = useState<{ call: string; texts: Text[] } | null>(null);
  const texts = got?.call === call ? got.texts : null;
  const [problem, setProblem] = useState<Problem | null>(null);
  useEffect(() => {
    const control = new AbortController();
    setProblem(null);
    engine.json<Text[]>(`/calls/${call}/messages`, control.signal).then((list) => setGot({ call, texts: list }), (e) => aborted(e) || setProblem(asProblem(e)));
    return () => control.abort();
  }, [engine, call]);
  const at = messages.indexOf(message);
  const step = (n: number) => pick(messages[at + n] ?? message);
  const text = texts && whole(message, texts);
  return (
    <div class="message" role="region" aria-label="Message">
      <div class="message-head">
        <span class="mono">{clock(micros(message.t) ?? 0, zone, 6)} <small class="quiet">{zoneName(zone)}</small></span>
        <span class="mono">{message.src} → {message.dst}</span>
        <span class="quiet">{at + 1} of {messages.length}</span>
        <span class="end">
          {text && <Copy text={text.text} label="Copy the message" />}
          <button type="button" class="quiet-button" disabled={at <= 0} onClick={() => step(-1)} aria-label="The message before"><Icon name="back" /></button>
          <button type="button" class="quiet-button" disabled={at >= messages.length - 1} onClick={() => step(1)} aria-label="The next message"><Icon name="next" /></button>
          <button type="button" class="quiet-button" onClick={() => pick(null)} aria-label="Close the message"><Icon name="close" /></button>
        </span>
      </div>
      {problem && <ProblemBox problem={problem} />}
      {!texts && !problem && <p class="quiet" role="status">Reading the messages of this call …</p>}
      {texts && !text && <p class="quiet">The message cannot be shown whole: its packets could not be read apart from the rest of the capture.</p>}
      {text && (
        <pre tabIndex={0}>
          {lines(text.text).map((l, i) => (
            <span key={i} class={l.kind}>
              {l.name && <b>{l.name}</b>}
              {l.rest}
              {'\n'}
            </span>
          ))}
        </pre>
      )}
    </div>
  );
}
