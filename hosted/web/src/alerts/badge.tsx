// How many alerts fire, beside the link to their page. It is asked twice a minute while somebody looks.

import { useEffect, useState } from 'preact/hooks';
import { firing, type Fires } from '../api/alerts';

const EVERY = 30_000; // ms

export function FiringBadge() {
  const [now, setNow] = useState<Fires | null>(null);
  useEffect(() => {
    const stop = new AbortController();
    const ask = () => {
      if (!document.hidden) void firing(stop.signal).then(setNow, () => {}); // the page itself says when the server is away
    };
    ask();
    const t = setInterval(ask, EVERY);
    document.addEventListener('visibilitychange', ask);
    window.addEventListener('alerts', ask); // the page has changed something
    return () => {
      stop.abort();
      clearInterval(t);
      document.removeEventListener('visibilitychange', ask);
      window.removeEventListener('alerts', ask);
    };
  }, []);
  if (!now?.firing) return null;
  return (
    <span class={`badge ${now.severity || 'info'}`} title={`${now.firing} firing, ${now.new} of them not acknowledged`}>
      {now.firing}
      <span class="sr"> firing</span>
    </span>
  );
}
