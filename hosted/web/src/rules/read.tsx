// A rule text to look at: coloured, with line numbers, no cursor.

import { lex } from './lexer';

export function RuleText({ text, label }: { text: string; label: string }) {
  const lines = text.replace(/\n$/, '').split('\n');
  return (
    <div class="rule-text" tabIndex={0} role="group" aria-label={label}>
      <pre class="gutter" aria-hidden="true">{lines.map((_, i) => i + 1).join('\n')}</pre>
      <pre class="ink">{spans(text)}</pre>
    </div>
  );
}

function spans(text: string) {
  const out = [];
  let at = 0;
  for (const t of lex(text)) {
    if (t.at > at) out.push(text.slice(at, t.at));
    out.push(<span key={t.at} class={t.kind}>{t.text}</span>);
    at = t.at + t.text.length;
  }
  return [...out, text.slice(at)];
}
