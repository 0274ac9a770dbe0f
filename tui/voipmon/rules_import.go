package main

import (
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"voiptop/rules"
	"voiptop/tui/internal/plural"
)

// importCommand is what `voipmon rules import` was asked for.
type importCommand struct {
	out      string
	saveSIP  string
	defaults rules.ForeignDefaults
}

func newRulesImport() *cobra.Command {
	var im importCommand
	cmd := &cobra.Command{
		Use:   "import TABLE.csv... [-o FILE]",
		Short: "make a rule file of VoIPmonitor's filter tables",
		Long: `Import reads VoIPmonitor's capture rules, the tables filter_ip, filter_telnum,
filter_domain and filter_sip_header, each exported with its column names, and
writes a rule file. What cannot be carried over is a comment at its rule. Look
through the result: there a call takes options from several filters, here the
first rule that is true decides alone.`,
		Example: `  for t in filter_ip filter_telnum filter_domain filter_sip_header; do
    mysql -B -e "SELECT * FROM $t" voipmonitor > $t.tsv
  done
  voipmon rules import filter_*.tsv --savertp header -o local.rules`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return im.run(args, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	f := cmd.Flags()
	f.StringVarP(&im.out, "output", "o", "-", "write to `FILE`, which must not exist; - is standard output")
	f.StringVar(&im.saveSIP, "savesip", "yes", "what voipmonitor.conf says: `yes|no`")
	f.StringVar(&im.defaults.SaveRTP, "savertp", "no", "what voipmonitor.conf says: `yes|header|no`")
	return cmd
}

func (im *importCommand) run(files []string, stdout, stderr io.Writer) error {
	switch im.saveSIP {
	case "yes", "no":
		im.defaults.SaveSIP = im.saveSIP == "yes"
	default:
		return exitError{2, fmt.Sprintf("--savesip %q: want yes or no", im.saveSIP)}
	}
	switch im.defaults.SaveRTP {
	case "yes", "header", "no":
	default:
		return exitError{2, fmt.Sprintf("--savertp %q: want yes, header or no", im.defaults.SaveRTP)}
	}
	tables := map[string]string{}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			return fmt.Errorf("read filter table: %w", err)
		}
		tables[f] = string(b)
	}
	text, lost, err := rules.ImportVoIPmonitor(tables, im.defaults)
	if err != nil {
		return exitError{1, err.Error()}
	}
	s, err := rules.Parse("result", text)
	if err != nil {
		return exitError{1, fmt.Sprintf("the rules are too many: %v; import the tables one by one into several files", err)}
	}
	if im.out == "-" {
		_, err = io.WriteString(stdout, text)
	} else {
		err = writeNew(im.out, text)
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(stderr, "%s; %s could not be carried over, see the comments\n", plural.Of(len(s.Rules), "rule"), plural.Of(lost, "thing"))
	return nil
}

// writeNew writes a file that was not there: rules that are in force are not replaced by accident.
func writeNew(path, text string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o640)
	if err != nil {
		return fmt.Errorf("write rules: %w", err)
	}
	_, err = io.WriteString(f, text)
	if closed := f.Close(); err == nil {
		err = closed
	}
	return err
}
