// Package transact follows what happens outside of calls: REGISTER, SUBSCRIBE, NOTIFY, PUBLISH, MESSAGE and OPTIONS. Each request
// with its final response becomes a protocol.Transaction; the REGISTERs together say who is registered where
// (protocol.Registration).
//
// It has no clock, no goroutine and no I/O: time is the packet's. A Table is bounded: what does not fit is counted. In the
// steady state it allocates nothing but the records that its sink takes. It is not for requests inside of calls (package
// call) nor for judging (package diagnose). Package analyze drives it.
package transact
