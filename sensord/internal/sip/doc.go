// Package sip gives views over SIP messages: it finds where the parts of a message are and hands out slices of the
// message's own bytes. It allocates nothing, copies nothing and forgives what RFC 4475 and RFC 5118 demand, because
// a sniffer must report what phones really send. It also cuts messages out of byte streams (Framer for TCP, WSFramer
// for WebSocket).
//
// It is not for dialogs and calls (package call), nor for the session description in a body (package sdp). The
// analysis engine and packages call, transact and audio use it.
package sip
