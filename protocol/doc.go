// Package protocol holds the nouns that cross a boundary: the CDR and its parts, the live call, what a sensor says of
// itself, and the problem that every program reports errors as. Sensor, hosted service, terminal and browser all read
// and write these types, as JSON (HTTP APIs, exports, `voipmon analyze --json`) and as CBOR with integer keys (the link
// and the journal), so there is one schema.
//
// It is not for behaviour: analysis is in sensord/analyze, transport in protocol/link and protocol/sensorapi.
//
// CBOR key numbers are part of the wire format. They are never reused and never renumbered; a new field takes the next
// free number. Decoders skip keys they do not know.
package protocol
