package generator

import (
	"context"
	"slices"
	"strings"

	"github.com/bufbuild/protocompile/experimental/ast"
	"github.com/bufbuild/protocompile/experimental/incremental"
	"github.com/bufbuild/protocompile/experimental/incremental/queries"
	"github.com/bufbuild/protocompile/experimental/source"
	"github.com/bufbuild/protocompile/experimental/source/length"
)

// imports finds a file that imports itself.
type imports struct {
	exec   *incremental.Executor
	opener source.Opener

	stack []edge
	done  map[string]bool // files from which no cycle is reached
}

// An edge is an import.
type edge struct {
	from, to string
	place    Problem // without a message
}

// cycle returns the problem of the first cycle that is reached from the files with the given names, and nil if there is
// none. It is the same for each order of names, and for each place in a cycle where the search begins.
func (g *imports) cycle(ctx context.Context, names []string) *Problem {
	for _, name := range slices.Sorted(slices.Values(names)) {
		if cycle := g.visit(ctx, name); cycle != nil {
			return describe(cycle)
		}
	}
	return nil
}

// visit returns the imports that lead from a file back to itself, if the one with the given name leads there.
func (g *imports) visit(ctx context.Context, name string) []edge {
	if start := slices.IndexFunc(g.stack, func(e edge) bool { return e.from == name }); start >= 0 {
		return g.stack[start:]
	}
	if g.done[name] {
		return nil
	}
	for _, e := range g.edges(ctx, name) {
		g.stack = append(g.stack, e)
		if cycle := g.visit(ctx, e.to); cycle != nil {
			return cycle
		}
		g.stack = g.stack[:len(g.stack)-1]
	}
	g.done[name] = true
	return nil
}

// edges returns the imports of the file with the given name.
func (g *imports) edges(ctx context.Context, name string) []edge {
	results, _, err := incremental.Run(ctx, g.exec, queries.AST{Opener: g.opener, Path: name})
	if err != nil || results[0].Fatal != nil {
		return nil // reported already
	}
	var edges []edge
	for decl := range results[0].Value.Imports() {
		if to := decl.ImportPath().AsLiteral().AsString(); !to.IsZero() {
			edges = append(edges, edge{name, to.Text(), place(decl)})
		}
	}
	return edges
}

func place(decl ast.DeclImport) Problem {
	span := decl.Span()
	start := span.Location(span.Start, length.Runes)
	return Problem{File: span.Path(), Line: start.Line, Column: start.Column}
}

// describe returns the problem of cycle, at the file of it that sorts first.
func describe(cycle []edge) *Problem {
	first := 0
	for i, e := range cycle {
		if e.from < cycle[first].from {
			first = i
		}
	}
	p := cycle[first].place
	var text strings.Builder
	text.WriteString("the file imports itself: " + cycle[first].from)
	for i := range cycle {
		text.WriteString(" imports " + cycle[(first+i)%len(cycle)].to)
	}
	p.Message = line(text.String())
	return &p
}
