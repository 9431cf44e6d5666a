package restformat

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// A template is a parsed path template:
//
//	Template = "/" Segments [ Verb ] ;
//	Segments = Segment { "/" Segment } ;
//	Segment  = "*" | "**" | LITERAL | Variable ;
//	Variable = "{" FieldPath [ "=" Segments ] "}" ;
//	Verb     = ":" LITERAL ;
type template struct {
	segments  []segment
	variables []variable
	verb      string // decoded; "" for none
}

// A segment is what one segment of a path must be; the last one may stand for many.
type segment struct {
	wildcard string // "", "*" or "**"
	literal  string // decoded
}

// A variable is a part of the path that becomes a field.
type variable struct {
	field string // its path, "sub.field"
	from  int    // index of its first segment
	to    int    // index behind its last one; -1 for the end of the path
	multi bool   // may hold more than one segment
}

func parseTemplate(s string) (*template, error) {
	p := &templateParser{rest: s, t: &template{}}
	if err := p.parse(); err != nil {
		return nil, fmt.Errorf("path template %q: byte %d: %w", s, len(s)-len(p.rest), err)
	}
	return p.t, nil
}

type templateParser struct {
	rest string
	t    *template
}

func (p *templateParser) parse() error {
	if !p.accept("/") {
		return errors.New(`it does not start with "/"`)
	}
	if err := p.segments(false); err != nil {
		return err
	}
	if p.accept(":") {
		verb, err := p.literal(p.rest)
		if err != nil {
			return err
		}
		if strings.Contains(p.rest, ":") {
			return errors.New("a verb has no colon")
		}
		p.t.verb, p.rest = verb, ""
	}
	if p.rest != "" {
		return fmt.Errorf("unexpected %q", p.rest[:1])
	}
	for i, s := range p.t.segments {
		if s.wildcard == "**" && i < len(p.t.segments)-1 {
			return errors.New(`"**" is not the last segment`)
		}
	}
	return nil
}

func (p *templateParser) accept(token string) bool {
	rest, ok := strings.CutPrefix(p.rest, token)
	p.rest = rest
	return ok
}

func (p *templateParser) segments(inVariable bool) error {
	for {
		if err := p.segment(inVariable); err != nil {
			return err
		}
		if !p.accept("/") {
			return nil
		}
	}
}

func (p *templateParser) segment(inVariable bool) error {
	switch {
	case p.accept("**"):
		p.t.segments = append(p.t.segments, segment{wildcard: "**"})
		return nil
	case p.accept("*"):
		p.t.segments = append(p.t.segments, segment{wildcard: "*"})
		return nil
	case p.accept("{"):
		if inVariable {
			return errors.New("a variable within a variable")
		}
		return p.variable()
	}
	end := strings.IndexAny(p.rest, "/{}*")
	if end < 0 {
		end = len(p.rest)
		if colon := strings.LastIndexByte(p.rest, ':'); colon >= 0 && !inVariable { // before a verb
			end = colon
		}
	}
	literal, err := p.literal(p.rest[:end])
	if err != nil {
		return err
	}
	p.t.segments = append(p.t.segments, segment{literal: literal})
	p.rest = p.rest[end:]
	return nil
}

// literal returns s decoded.
func (*templateParser) literal(s string) (string, error) {
	if i := strings.IndexFunc(s, func(r rune) bool { return r <= ' ' || r == 0x7f || strings.ContainsRune("/{}*?#", r) }); i >= 0 {
		return "", fmt.Errorf("unexpected %q", s[i:i+1])
	}
	decoded, err := url.PathUnescape(s)
	switch {
	case err != nil:
		return "", err
	case decoded == "":
		return "", errors.New("a segment or a verb is empty")
	case isDots(decoded):
		return "", fmt.Errorf("no path has a segment %q", s)
	}
	return decoded, nil
}

func (p *templateParser) variable() error {
	end := strings.IndexAny(p.rest, "=}")
	if end < 0 {
		return errors.New("a variable is not closed")
	}
	v := variable{field: p.rest[:end], from: len(p.t.segments)}
	for name := range strings.SplitSeq(v.field, ".") {
		if !isIdent(name) {
			return fmt.Errorf("%q is not the path of a field", v.field)
		}
	}
	p.rest = p.rest[end:]
	if p.accept("=") {
		if err := p.segments(true); err != nil {
			return err
		}
	} else {
		p.t.segments = append(p.t.segments, segment{wildcard: "*"})
	}
	if !p.accept("}") {
		return errors.New("a variable is not closed")
	}
	v.to = len(p.t.segments)
	v.multi = v.to-v.from > 1
	if p.t.segments[v.to-1].wildcard == "**" {
		v.to, v.multi = -1, true
	}
	p.t.variables = append(p.t.variables, v)
	return nil
}

func isIdent(s string) bool {
	for i := range len(s) {
		c := s[i]
		if c != '_' && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return s != ""
}

// isDots tells whether a decoded segment is one that clients and proxies resolve.
func isDots(segment string) bool { return segment == "." || segment == ".." }

// value returns what v is in a path with the given segments, which are not decoded.
func (v *variable) value(raw []string) string {
	to := v.to
	if to < 0 {
		to = len(raw)
	}
	if !v.multi {
		return decode(raw[v.from], false)
	}
	parts := make([]string, 0, to-v.from)
	for _, segment := range raw[v.from:to] {
		parts = append(parts, decode(segment, true))
	}
	return strings.Join(parts, "/")
}

// decode decodes a segment that is known to be encoded well. It may leave the slash encoded.
func decode(segment string, keepSlash bool) string {
	if !keepSlash {
		decoded, _ := url.PathUnescape(segment)
		return decoded
	}
	var b strings.Builder
	for start := 0; start <= len(segment); {
		end := start
		for end < len(segment) && !isEncodedSlash(segment[end:]) {
			end++
		}
		decoded, _ := url.PathUnescape(segment[start:end])
		start = min(end+len("%2F"), len(segment)+1)
		b.WriteString(decoded)
		b.WriteString(segment[end:min(start, len(segment))])
	}
	return b.String()
}

func isEncodedSlash(s string) bool {
	return len(s) >= 3 && s[0] == '%' && s[1] == '2' && (s[2] == 'F' || s[2] == 'f')
}
