// Package rules is the one predicate language over a call's fields, and the capture rules written in it. The sensor
// decides with it what to keep of a call; voiptop filters with it; hosted and voipmon check and explain with it. There is
// one grammar, one parser with positions, and one list of fields. docs/rules.md is the manual.
//
// It is not for storing rules or moving them: that is the sensor's and the link's.
//
//	expr  = or ;
//	or    = and { "or" and } ;
//	and   = not { [ "and" ] not } ;
//	not   = [ "not" ] ( "(" or ")" | test | word ) ;
//	test  = field op ( value | "(" value { value } ")" ) ;
//	op    = ":" | "=" | "!=" | "<" | "<=" | ">" | ">=" | "~" ;
//	rules = { name ":" "keep" ( "none" | "sip" | "headers" | "rtp" ) { "when" expr | "until" date | "note" string | "off" } } ;
//
// A rule begins in the first column; its further lines are indented. "#" begins a comment.
package rules
