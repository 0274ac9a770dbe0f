// Package call makes calls out of SIP messages and RTP packets, and call detail records (protocol.CDR) out of calls. A
// call is what one Call-ID is about, from its first INVITE to its end; media belongs to the call whose SDP announced its
// endpoint.
//
// It has no clock, no goroutine and no I/O: time is the packet's. A Table is bounded: what does not fit is counted. It
// is not for finding SIP in packets (analyze, sip) nor for judging calls (diagnose). Package analyze drives it: one goroutine
// a Table. SDP.Read and RTP.Read may be done ahead by others, and what a Table puts off (Shard) beside it.
//
// What is kept of a call's packets a Decider says; a Sink takes them, and the records.
package call
