package generator

import (
	"fmt"
	"strings"
)

// A Problem is something wrong with the input, and where.
type Problem struct {
	File         string // path of the proto file; empty if no file is to blame
	Line, Column int    // from 1
	Message      string // one line
}

// Problems are all that is wrong with the input, in an order that depends on the input alone. It is an error whose text
// has one line per problem.
type Problems []Problem

// String returns "file:line:column: message", or the message alone if no file is to blame.
func (p Problem) String() string {
	if p.File == "" {
		return p.Message
	}
	return fmt.Sprintf("%s:%d:%d: %s", p.File, p.Line, p.Column, p.Message)
}

// Error returns the problems, one per line.
func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// err returns ps as an error, which is nil if there are none.
func (ps Problems) err() error {
	if len(ps) == 0 {
		return nil
	}
	return ps
}

// line returns text without line breaks.
func line(text string) string { return strings.Join(strings.Fields(text), " ") }
