// Package tlsdec reads TLS connections that were captured, with the secrets that one of their ends wrote to a key log
// (SSLKEYLOGFILE): SIP over TLS and WebSocket over TLS become bytes that the analysis engine can read. It has one user,
// the engine, which gives it the streams that decode put in order, and key log lines between packets.
//
// It understands TLS 1.3 (RFC 8446) and TLS 1.2 (RFC 5246), with the suites of suite.go, through session resumption,
// HelloRetryRequest and KeyUpdate. It checks every record's authentication and nothing else: it is no TLS
// implementation, and not for connections whose secrets are unknown. Secrets stay in memory and go nowhere.
//
// It has no clock, no goroutine and no I/O. All it holds is bounded by its Config, and what could not be read is counted
// by its reason.
package tlsdec
