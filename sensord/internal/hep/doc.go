// Package hep speaks HEP, the Homer encapsulation protocol: what carries captured SIP messages from SIP servers and
// capture agents (Kamailio, OpenSIPS, FreeSWITCH, Asterisk, heplify) to whoever stores or analyses them. The analysis
// engine takes HEP apart where it meets it; sensord listens for it (Listener) and sends it on to a Homer (Sender).
//
// It follows the public "HEP3 Network Protocol Specification"; versions 1 and 2 are read as well. It is not for what
// the payload means: that is sip's and rtp's.
package hep
