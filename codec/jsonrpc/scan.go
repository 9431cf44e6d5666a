package jsonrpc

import (
	"bytes"
	"encoding/json"
	"strings"
)

// stringEnd returns the length of the string at the start of b, or -1 if it has no end.
func stringEnd(b []byte) int {
	for i, quote := 1, 0; ; {
		if quote < i {
			next := bytes.IndexByte(b[i:], '"')
			if next < 0 {
				return -1
			}
			quote = i + next
		}
		escape := bytes.IndexByte(b[i:quote], '\\')
		if escape < 0 {
			return quote + 1
		}
		if i += escape + 2; i > len(b) {
			return -1
		}
	}
}

// valueEnd returns the length of the value at the start of b, which is valid JSON or the beginning of some, or -1 if it
// does not end there.
func valueEnd(b []byte) int {
	depth := 0
	for i := 0; i < len(b); i++ {
		switch b[i] {
		case '"':
			end := stringEnd(b[i:])
			if end < 0 {
				return -1
			}
			i += end - 1
		case '{', '[':
			depth++
			continue
		case '}', ']':
			depth--
		default:
			if depth > 0 {
				continue
			}
			for i+1 < len(b) && strings.IndexByte(",]} \t\r\n", b[i+1]) < 0 {
				i++
			}
			if i+1 == len(b) {
				return -1
			}
		}
		if depth <= 0 {
			return i + 1
		}
	}
	return -1
}

func skipSpace(b []byte) []byte { return bytes.TrimLeft(b, " \t\r\n") }

// members calls visit with the members of the object at the start of b, which is valid JSON or the beginning of some. Of a
// value that does not end in b it yields what is there, and whole is false.
func members(b []byte, visit func(key, value []byte, whole bool)) {
	b = skipSpace(b)
	if len(b) == 0 || b[0] != '{' {
		return
	}
	for b = skipSpace(b[1:]); len(b) > 0 && b[0] == '"'; {
		end := stringEnd(b)
		if end < 0 {
			return
		}
		key := b[1 : end-1]
		if bytes.IndexByte(key, '\\') >= 0 {
			key = []byte(text(b[:end]))
		}
		b = skipSpace(b[end:])
		if len(b) == 0 || b[0] != ':' {
			return
		}
		b = skipSpace(b[1:])
		if end = valueEnd(b); end < 0 {
			visit(key, b, false)
			return
		}
		visit(key, b[:end:end], true)
		if b = skipSpace(b[end:]); len(b) == 0 || b[0] != ',' {
			return
		}
		b = skipSpace(b[1:])
	}
}

// elements calls visit with the elements of the array at the start of b, which is valid JSON, until it returns false.
func elements(b []byte, visit func(value []byte) bool) {
	b = skipSpace(b)
	if len(b) == 0 || b[0] != '[' {
		return
	}
	for b = skipSpace(b[1:]); len(b) > 0 && b[0] != ']'; b = skipSpace(b) {
		end := valueEnd(b)
		if end < 0 || !visit(b[:end:end]) {
			return
		}
		if b = skipSpace(b[end:]); len(b) > 0 && b[0] == ',' {
			b = b[1:]
		}
	}
}

// text returns what the string literal b stands for, or "" if it is none.
func text(b []byte) string {
	if len(b) < 2 || b[0] != '"' {
		return ""
	}
	if s := b[1 : len(b)-1]; bytes.IndexByte(s, '\\') < 0 {
		return string(s)
	}
	var s string
	_ = json.Unmarshal(b, &s)
	return s
}

// appendText appends s as a string literal.
func appendText(dst []byte, s string) []byte {
	b, _ := json.Marshal(s) //nolint:errchkjson // a string never fails
	return append(dst, b...)
}
