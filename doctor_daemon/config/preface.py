"""What docs/configuration.md says besides the tables."""

PREFACE = """\
# Configuration

<!-- Made from the models: python -m doctor_daemon.config.reference > docs/configuration.md -->

One YAML file. `config/doctor-daemon.yaml` has every option with its default, `config/minimal.yaml`
the few that are needed. `doctor-daemon check-config` checks a file without starting anything.

A file that has one fault is refused whole, and every fault is named at once, each with file, line,
path, what was found and what is expected:

    doctor-daemon.yaml:8: sources[1].auth.bearer_flie: unknown option; did you mean 'bearer_file'?
    doctor-daemon.yaml:21: timing.off_reads: found 2; expected at least 3

- The language is YAML without its traps: `yes` and `on` are text, so is `010`, a key that stands
  twice is an error, and anchors are not supported.
- Every key is known: a misspelt one is refused, with a suggestion.
- A relative path is relative to the folder of the file.
- Times are in seconds, and end in `_s`.

## Secrets

No secret stands in the file: options that end in `_file` name the file that holds one. A relative
name is looked for in `$CREDENTIALS_DIRECTORY` (systemd's `LoadCredential=`) and then in the folder
of the configuration. The file must belong to root or to the user who runs the daemon, and nobody
else may read it: `chmod 600`. It is read when it is needed, so a changed password needs no restart.

## Hosts

An entry under `hosts` stands for one host or for many. `names: "cmp-[001-500]"` stands for 500 of
them; numbers keep the width that they are written with. `domain`, `aliases`, a device's `uuid` and
the texts among its own options are templates:

| variable | stands for |
|---|---|
| `{host}` | the host's name |
| `{n}` | the number of the pattern, as the name has it: `007` |
| any other | what `inventory_file` says for this host |

`{{` and `}}` stand for braces. An inventory is a YAML file that maps each host to its variables:

    cmp-001: {uuid: 6f1d4c52-8a3b-4f0e-9d27-0c5b8e1a7f01, bmc: 192.0.2.1}
    cmp-002: {uuid: 0e9a7b34-12cd-4e56-8f90-a1b2c3d4e5f6, bmc: 192.0.2.2, aliases: [node-2]}

At most 10 000 hosts may be configured. Two names that a source could confuse are refused: the same
name in another case, or `cmp-1` of one host beside `cmp-1.example.org` of another. Sources that
know a host by another name than Nova need an alias.

The UUID in a device's section is the one that the device must say its host has before its power is
cut. Some management controllers show it with the bytes of the first three fields swapped; that is
not guessed, but said: `uuid_order: smbios`.
"""

AFTERWORD = """\
A power device's time-out is its option `timeout_s`, the cloud's are `read_timeout_s` and
`force_down_timeout_s`; 10 is assumed for a plug-in without them. `look_age_s` counts from the
moment a look was asked for: a cloud that always takes longer to answer lets nothing be cut.

## Trust

A source that is known only by its `addresses` is not authenticated. It may never be trusted
`alone`, its word counts only beside that of an authenticated source of another kind, and it needs
`i_accept_unauthenticated: true`.

## Plug-ins

Built-in and foreign plug-ins are found by the same entry points. The options of the built-in ones:
"""
