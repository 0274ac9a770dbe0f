// What the counters of things that were not analysed mean, in a line each; docs/counters.md has all.

const WORDS: [RegExp, string][] = [
  [/^tls\.streams$/, 'TLS connections; a key log opens them'],
  [/^tls\.undecrypted\.no-key$/, 'TLS connections whose keys are not in the key log'],
  [/^tls\.undecrypted\./, 'TLS connections that could not be read'],
  [/^tls\.joined$/, 'TLS connections whose beginning was not captured'],
  [/^tls\./, 'parts of TLS connections'],
  [/^sip\.unparsed$/, 'packets that look like SIP and are not'],
  [/^sip\.unparsed\.sdp$/, 'bodies announced as SDP that are none'],
  [/^sip\.cut$/, 'SIP messages of which the end is missing'],
  [/^sip\.without-call-id$/, 'SIP messages without a Call-ID'],
  [/^sip\.outside-calls$/, 'messages of calls whose beginning was not captured, or that are over'],
  [/^sip\.stream\.skipped$/, 'bytes of SIP connections that belong to no message'],
  [/^sip\.port\.other$/, 'packets on port 5060 that are no SIP'],
  [/^sip\.port\.unlisted$/, 'SIP on ports that are not looked at'],
  [/^rtp\.unbound$/, 'RTP that no call announced'],
  [/^rtp\.omitted$/, 'RTP beyond the 64 streams of a call'],
  [/^rtcp\.unparsed$/, 'RTCP that was cut or is wrong'],
  [/^media\.stun$/, 'STUN where voice was announced'],
  [/^media\.dtls$/, 'DTLS where voice was announced'],
  [/^media\.t38$/, 'fax (T.38)'],
  [/^media\./, 'other packets where voice was announced'],
  [/^packets\.duplicate$/, 'packets that were captured twice'],
  [/^decode\.cut$/, 'packets that the capture cut off'],
  [/^decode\.fragments\.incomplete$/, 'fragmented packets of which a part is missing'],
  [/^decode\.fragments\./, 'IP fragments that could not be used'],
  [/^decode\.tcp\.gaps$/, 'places in TCP connections that were not captured'],
  [/^decode\.linktype\./, 'frames of a link type that is not known here'],
  [/^decode\.(?:ethertype|llc|ppp)/, 'frames that carry no IP'],
  [/^decode\.ipproto\./, 'packets of another IP protocol'],
  [/^decode\.esp\.encrypted$/, 'IPsec packets, encrypted'],
  [/^decode\.(?:short|bad)\./, 'packets that are damaged'],
  [/^hep\./, 'HEP packets that could not be read'],
  [/^calls\.evicted$/, 'calls let go because there were too many at a time'],
];

// meaning of a counter, "" where the name must do.
export const meaning = (name: string): string => WORDS.find(([pattern]) => pattern.test(name))?.[1] ?? '';
