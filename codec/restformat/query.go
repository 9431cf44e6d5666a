package restformat

import (
	"net/url"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/protomicro/micro/status"
)

// A param is one parameter of a query, decoded.
type param struct{ name, value string }

func parseQuery(query string) ([]param, error) {
	var params []param
	for part := range strings.SplitSeq(query, "&") {
		if part == "" {
			continue
		}
		name, value, _ := strings.Cut(part, "=")
		name, err := url.QueryUnescape(name)
		if err == nil {
			value, err = url.QueryUnescape(value)
		}
		if err != nil {
			return nil, invalid("the query is not valid: %v", err)
		}
		params = append(params, param{name, value})
	}
	return params, nil
}

// isReserved tells whether a parameter that names no field is for somebody else: for proxies, and for this format.
func isReserved(name string) bool {
	switch name {
	case "alt", "key", "prettyPrint", "quotaUser":
		return true
	}
	return strings.HasPrefix(name, "$")
}

// alt returns the value of a reserved parameter "alt" or "$alt", or "".
func (b *binding) alt(params []param) string {
	for _, p := range params {
		if p.name == "$alt" || p.name == "alt" && (b.body == wholeBody || findFields(b.input, p.name) == nil) {
			return p.value
		}
	}
	return ""
}

// setQuery sets the fields of m that the parameters name.
func (b *binding) setQuery(m protoreflect.Message, params []param) error {
	if alt := b.alt(params); alt != "" && alt != "json" && alt != "sse" {
		return invalid(`query parameter "alt": %.64q is neither "json" nor "sse"`, alt)
	}
	seen := make(map[string]bool, len(params))
	for _, p := range params {
		if err := b.setParam(m, p, seen); err != nil {
			return about("query parameter", p.name, err)
		}
	}
	return nil
}

// setParam sets one field. seen holds the paths of those that were set.
func (b *binding) setParam(m protoreflect.Message, p param, seen map[string]bool) error {
	fields := findFields(m.Descriptor(), p.name)
	path := pathOf(fields)
	switch {
	case b.inPath[path]:
		return nil
	case isReserved(p.name) && (fields == nil || b.body == wholeBody):
		return nil
	case fields == nil:
		return invalid("%s has no such field", m.Descriptor().FullName())
	case b.body == wholeBody || b.body == fields[0].Name():
		return invalid("the field belongs in the body")
	case seen[path] && !fields[len(fields)-1].IsList():
		return invalid("it stands there twice")
	}
	seen[path] = true
	return setField(m, fields, p.value, false)
}

// setPath sets the fields of m that are variables of the path.
func (b *binding) setPath(m protoreflect.Message, raw []string) error {
	for i := range b.template.variables {
		v := &b.template.variables[i]
		fields := findFields(m.Descriptor(), v.field)
		if len(fields) == 0 || fields[len(fields)-1].IsList() {
			return status.Errorf(status.Internal, "%s has no field %q", m.Descriptor().FullName(), v.field)
		}
		if err := setField(m, fields, v.value(raw), true); err != nil {
			return about("path variable", v.field, err)
		}
	}
	return nil
}

// about says where in a request err is.
func about(what, name string, err error) error {
	e := status.From(err)
	return status.Errorf(e.Code, "%s %.64q: %s", what, name, e.Message)
}
