package generator

import (
	"strings"

	. "github.com/dave/jennifer/jen"
	"google.golang.org/protobuf/compiler/protogen"
)

const (
	columns = 110 // width that a line should not exceed
	tab     = 4   // columns of a tab
)

// A typ is a Go type, or a parameter with its type: as code, and as text to measure.
type typ struct {
	code *Statement
	text string
}

func ptr(t typ) typ { return typ{Op("*").Add(t.code), "*" + t.text} }

func named(name string, t typ) typ { return typ{Id(name).Add(t.code), name + " " + t.text} }

// of returns the generic type of the runtime with the given name, for args.
func of(name string, args ...typ) typ {
	texts := make([]string, len(args))
	for i, arg := range args {
		texts[i] = arg.text
	}
	return typ{Qual(runtimePath, name).Types(codes(args)...), "runtime." + name + "[" + strings.Join(texts, ", ") + "]"}
}

// A kind is what is particular to the methods of one kind.
type kind struct {
	typ                         typ // of the descriptor
	sendsOne                    bool
	params, results             []typ // of the client's method
	serverParams, serverResults []typ
}

func (s *stub) kind(m *protogen.Method) kind {
	var (
		req, res = s.message(m.Input), s.message(m.Output)
		context  = typ{Qual("context", "Context"), "context.Context"}
		ctx      = named("ctx", context)
		failure  = typ{Error(), "error"}
	)
	switch {
	case m.Desc.IsStreamingClient() && m.Desc.IsStreamingServer():
		return kind{
			typ:           of("BidiStream", req, res),
			params:        []typ{ctx},
			results:       []typ{ptr(of("Stream", req, res)), failure},
			serverParams:  []typ{context, ptr(of("Stream", res, req))},
			serverResults: []typ{failure},
		}
	case m.Desc.IsStreamingClient():
		return kind{
			typ:           of("ClientStream", req, res),
			params:        []typ{ctx},
			results:       []typ{ptr(of("Upload", req, res)), failure},
			serverParams:  []typ{context, ptr(of("Receiver", req))},
			serverResults: []typ{ptr(res), failure},
		}
	case m.Desc.IsStreamingServer():
		return kind{
			typ:           of("ServerStream", req, res),
			sendsOne:      true,
			params:        []typ{ctx, named("req", ptr(req))},
			results:       []typ{ptr(of("Receiver", res)), failure},
			serverParams:  []typ{context, ptr(req), ptr(of("Sender", res))},
			serverResults: []typ{failure},
		}
	default:
		return kind{
			typ:           of("Unary", req, res),
			sendsOne:      true,
			params:        []typ{ctx, named("req", ptr(req))},
			results:       []typ{ptr(res), failure},
			serverParams:  []typ{context, ptr(req)},
			serverResults: []typ{ptr(res), failure},
		}
	}
}

func (s *stub) message(m *protogen.Message) typ {
	goPath, name := m.GoIdent.GoImportPath, m.GoIdent.GoName
	if goPath == s.goPath {
		return typ{Id(name), name}
	}
	return typ{Qual(string(goPath), name), s.imports[goPath] + "." + name}
}

// signature returns name(params) (results), with the parameters on a line of their own if that, beside others columns, is
// too wide.
func signature(others int, name string, params, results []typ) *Statement {
	lines := Options{Open: "(", Close: ")", Separator: ", "}
	if others+len(name)+len("()")+width(params)+len(" ()")+width(results) > columns {
		lines = Options{Open: "(\n", Close: ",\n)", Separator: ", "}
	}
	s := Id(name).Custom(lines, codes(params)...)
	if len(results) == 1 {
		return s.Add(results[0].code)
	}
	return s.Params(codes(results)...)
}

func codes(types []typ) []Code {
	codes := make([]Code, len(types))
	for i, t := range types {
		codes[i] = t.code
	}
	return codes
}

func width(types []typ) int {
	n := 2 * (len(types) - 1) // commas
	for _, t := range types {
		n += len(t.text)
	}
	return n
}
