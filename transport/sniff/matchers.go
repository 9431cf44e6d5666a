package sniff

import (
	"bytes"

	"github.com/protomicro/micro/transport"
)

const (
	minMethod = 3
	maxMethod = 20
)

// HTTP1 matches an HTTP/1 request: a method of 3 to 20 upper-case letters and a space. The method PRI, with which HTTP/2
// starts, is not one.
func HTTP1(prefix []byte) transport.Match {
	for i, b := range prefix {
		if b == ' ' && i >= minMethod && !bytes.HasPrefix(prefix, []byte("PRI ")) {
			return transport.Yes
		}
		if b < 'A' || b > 'Z' || i == maxMethod {
			return transport.No
		}
	}
	return transport.More
}

// HTTP2 matches the preface of an HTTP/2 client, which nothing else can be from its fourth byte on: "PRI ". What follows
// is for the server to check.
func HTTP2(prefix []byte) transport.Match { return literal(prefix, "PRI ") }

// TLS matches a TLS ClientHello: the head of a handshake record of version 3.x and the type of its first message.
func TLS(prefix []byte) transport.Match {
	if len(prefix) < 2 {
		return literal(prefix, "\x16\x03")
	}
	const firstMessage, clientHello = 5, 1
	switch {
	case literal(prefix, "\x16\x03") == transport.No:
		return transport.No
	case len(prefix) <= firstMessage:
		return transport.More
	case prefix[firstMessage] != clientHello:
		return transport.No
	}
	return transport.Yes
}

// literal matches what starts with want.
func literal(prefix []byte, want string) transport.Match {
	n := min(len(prefix), len(want))
	switch {
	case string(prefix[:n]) != want[:n]:
		return transport.No
	case n < len(want):
		return transport.More
	}
	return transport.Yes
}
