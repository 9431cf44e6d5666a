package grpcformat

import "strings"

// encodeMessage returns the text of an error as "grpc-message" has it: UTF-8 with "%XX" for all but printable ASCII.
// Spaces at the ends become "%20", since HTTP takes them for padding.
func encodeMessage(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	last := len(s) - 1
	plain := 0
	for plain < len(s) && isPlain(s[plain]) && (s[plain] != ' ' || plain != 0 && plain != last) {
		plain++
	}
	if plain == len(s) {
		return s
	}
	const digits = "0123456789ABCDEF"
	out := append(make([]byte, 0, len(s)+len(s)/2+2), s[:plain]...)
	for i := plain; i < len(s); i++ {
		c := s[i]
		if isPlain(c) && (c != ' ' || i != 0 && i != last) {
			out = append(out, c)
		} else {
			out = append(out, '%', digits[c>>4], digits[c&15])
		}
	}
	return string(out)
}

func isPlain(c byte) bool { return c >= ' ' && c <= '~' && c != '%' }

// decodeMessage undoes encodeMessage. What is not a valid encoding stays as it is, and what is not UTF-8 is replaced.
func decodeMessage(s string) string {
	if !strings.Contains(s, "%") {
		return strings.ToValidUTF8(s, "\uFFFD")
	}
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			high, ok1 := hex(s[i+1])
			low, ok2 := hex(s[i+2])
			if ok1 && ok2 {
				out = append(out, high<<4|low)
				i += 2
				continue
			}
		}
		out = append(out, s[i])
	}
	return strings.ToValidUTF8(string(out), "\uFFFD")
}

func hex(c byte) (value byte, ok bool) {
	switch {
	case c >= '0' && c <= '9':
		return c - '0', true
	case c >= 'A' && c <= 'F':
		return c - 'A' + 10, true
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10, true
	}
	return 0, false
}
