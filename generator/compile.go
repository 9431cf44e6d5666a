package generator

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/bufbuild/protocompile/experimental/fdp"
	"github.com/bufbuild/protocompile/experimental/incremental"
	"github.com/bufbuild/protocompile/experimental/incremental/queries"
	"github.com/bufbuild/protocompile/experimental/ir"
	"github.com/bufbuild/protocompile/experimental/report"
	"github.com/bufbuild/protocompile/experimental/source"
	"github.com/bufbuild/protocompile/experimental/source/length"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/pluginpb"
)

// Compile compiles the files of src, without protoc, into an input that has the given parameter: "k=v,k=v". The error is
// a Problems if the files are to blame.
func Compile(ctx context.Context, src Source, parameter string) (in *Input, err error) {
	names, open, err := src.files()
	if err != nil {
		return nil, err
	}
	defer func() {
		if p := recover(); p != nil { // the compiler is young, and a proto file must not crash the command
			in, err = nil, fmt.Errorf("the proto compiler crashed: %v", p)
		}
	}()
	set, err := compile(ctx, names, open)
	if err != nil {
		return nil, err
	}
	return &Input{
		Request: &pluginpb.CodeGeneratorRequest{FileToGenerate: names, Parameter: &parameter, ProtoFile: set.GetFile()},
		Paths:   open.paths(),
	}, nil
}

func compile(ctx context.Context, names []string, open *opener) (*descriptorpb.FileDescriptorSet, error) {
	var options fdp.Options
	options.Apply(fdp.IncludeSourceCodeInfo(true))
	exec := incremental.New(incremental.WithReportOptions(report.Options{SuppressWarnings: true}))
	openers := &source.Openers{source.WKTs(), open, builtin{}}
	results, diagnostics, err := incremental.Run(ctx, exec, queries.FDS{
		Opener:    openers,
		Session:   new(ir.Session),
		Workspace: source.NewWorkspace(names...),
		Options:   options,
	})
	if err != nil {
		return nil, err
	}
	if problems := open.problems(diagnostics); len(problems) > 0 {
		g := imports{exec: exec, opener: openers, done: make(map[string]bool)}
		if cycle := g.cycle(ctx, names); cycle != nil {
			return nil, Problems{*cycle} // what else goes wrong depends on where the compiler broke the cycle
		}
		return nil, problems
	}
	if err := results[0].Fatal; err != nil {
		return nil, err
	}
	return normal(results[0].Value)
}

// problems returns the errors among diagnostics, sorted, and each once.
func (o *opener) problems(diagnostics *report.Report) Problems {
	var problems Problems
	paths := o.paths()
	for i := range diagnostics.Diagnostics {
		d := &diagnostics.Diagnostics[i]
		if d.Level() > report.Error {
			continue
		}
		p := Problem{File: d.File(), Line: 1, Column: 1, Message: line(d.Message())}
		if span := d.Primary(); !span.IsZero() {
			start := span.Location(span.Start, length.Runes)
			p.Line, p.Column = start.Line, start.Column
			if text := span.Text(); strings.HasPrefix(text, "import") && strings.Contains(p.Message, "imported file") {
				p.Message += fmt.Sprintf(": %s in %s", line(strings.TrimSuffix(text, ";")), strings.Join(o.dirs, ", "))
			}
		} else if path, ok := paths[p.File]; ok {
			p.File = path
		}
		problems = append(problems, p)
	}
	slices.SortFunc(problems, func(a, b Problem) int {
		return cmp.Or(strings.Compare(a.File, b.File), a.Line-b.Line, a.Column-b.Column, strings.Compare(a.Message, b.Message))
	})
	return slices.Compact(problems)
}

// normal returns a copy of set in which options are fields: the compiler leaves them as unknown ones.
func normal(set *descriptorpb.FileDescriptorSet) (*descriptorpb.FileDescriptorSet, error) {
	b, err := proto.Marshal(set)
	if err != nil {
		return nil, err
	}
	set = new(descriptorpb.FileDescriptorSet)
	return set, proto.Unmarshal(b, set)
}
