// Package rules is the one predicate language over a call's fields, and the capture rules written in it. The sensor
// decides with it what to keep of a call; voiptop filters with it; hosted and voipmon check and explain with it. There is
// one grammar, one parser with positions, and one list of fields. docs/rules.md is the manual.
//
// It is not for storing rules or moving them: that is the sensor's and the link's.
//
//	file  = { zone | group } { rule } ;
//	zone  = "zone" NAME ;
//	group = "group" NAME ":" ( { value } | "file" FILE ) ;
//	rule  = NAME ":" "keep" ( "none" | "sip" | "headers" | "rtp" )
//	        { "when" expr | "no" "audio" | "mask" "dtmf" | "until" DATE | "note" TEXT | "off" } ;
//	expr  = and { "or" and } ;
//	and   = not { [ "and" ] not } ;
//	not   = [ "not" ] ( "(" expr ")" | test | word ) ;
//	test  = FIELD op ( value | "(" { value } ")" ) ;
//	op    = ":" | "=" | "!=" | "<" | "<=" | ">" | ">=" | "~" ;
//	value = WORD | TEXT | "@" NAME ;
//
// A zone, a group and a rule begin in the first column, and nothing else does. "#" begins a comment.
//
// The way of a text: lex.go splits it, parse.go (conditions), file.go (rules) and group.go read it and check the types of
// field.go. index.go files rules in the tables of trie.go and networks.go, decide.go asks the few that these find, node.go
// judges a condition in three values. edit.go and complete.go are for editors, explain.go for people, import.go for those
// who come from VoIPmonitor.
package rules
