package jsonrpc

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

const maxDepth = 100 // of objects and arrays within each other, in an object of the format

// check tells what is wrong with b as one JSON value, or returns "".
func check(b []byte) string {
	c := checker{b: b}
	c.space()
	c.value(0)
	switch c.space(); {
	case c.deep:
		return "objects and arrays are nested more than 100 deep"
	case c.bad || c.i < len(b):
		return "it is not JSON"
	case !utf8.Valid(b):
		return "it is not UTF-8"
	}
	return ""
}

// A checker goes over JSON once. When something is wrong it stays where it is.
type checker struct {
	b    []byte
	i    int
	bad  bool
	deep bool
}

// take passes over c, if that comes next.
func (v *checker) take(c byte) bool {
	if v.bad || v.i >= len(v.b) || v.b[v.i] != c {
		return false
	}
	v.i++
	return true
}

// want passes over c, which must come next.
func (v *checker) want(c byte) {
	if !v.take(c) {
		v.bad = true
	}
}

func (v *checker) space() {
	for v.i < len(v.b) && (v.b[v.i] == ' ' || v.b[v.i] == '\n' || v.b[v.i] == '\t' || v.b[v.i] == '\r') {
		v.i++
	}
}

func (v *checker) value(depth int) {
	if v.bad || v.i >= len(v.b) {
		v.bad = true
		return
	}
	c := v.b[v.i]
	if depth == maxDepth && (c == '{' || c == '[') {
		v.bad, v.deep = true, true
		return
	}
	switch c {
	case '{':
		v.list('}', func() {
			v.string()
			v.space()
			v.want(':')
			v.space()
			v.value(depth + 1)
		})
	case '[':
		v.list(']', func() { v.value(depth + 1) })
	case '"':
		v.string()
	case 't':
		v.literal("true")
	case 'f':
		v.literal("false")
	case 'n':
		v.literal("null")
	default:
		v.number()
	}
}

// list passes over what stands in brackets, up to end.
func (v *checker) list(end byte, item func()) {
	v.i++
	if v.space(); v.take(end) {
		return
	}
	for !v.bad {
		item()
		if v.space(); v.take(end) {
			return
		}
		v.want(',')
		v.space()
	}
}

func (v *checker) literal(word string) {
	if !bytes.HasPrefix(v.b[v.i:], []byte(word)) {
		v.bad = true
		return
	}
	v.i += len(word)
}

func (v *checker) string() {
	if v.want('"'); v.bad {
		return
	}
	rest := v.b[v.i:]
	for i := 0; i < len(rest); i++ {
		switch c := rest[i]; {
		case c == '"':
			v.i += i + 1
			return
		case c < ' ':
			v.bad = true
			return
		case c == '\\':
			n := escapeLen(rest[i:])
			if n == 0 {
				v.bad = true
				return
			}
			i += n - 1
		}
	}
	v.bad = true
}

// escapeLen returns the length of the escape at the start of b, or 0 if it is none.
func escapeLen(b []byte) int {
	if len(b) < 2 || strings.IndexByte(`"\/bfnrtu`, b[1]) < 0 {
		return 0
	}
	if b[1] != 'u' {
		return 2
	}
	const length = 6
	for i := 2; i < length; i++ {
		if i >= len(b) || strings.IndexByte("0123456789abcdefABCDEF", b[i]) < 0 {
			return 0
		}
	}
	return length
}

func (v *checker) number() {
	v.take('-')
	if !v.take('0') {
		v.digits()
	}
	if v.take('.') {
		v.digits()
	}
	if v.take('e') || v.take('E') {
		if !v.take('+') {
			v.take('-')
		}
		v.digits()
	}
}

// digits passes over one digit or more.
func (v *checker) digits() {
	start := v.i
	for v.i < len(v.b) && v.b[v.i] >= '0' && v.b[v.i] <= '9' {
		v.i++
	}
	v.bad = v.bad || v.i == start
}
