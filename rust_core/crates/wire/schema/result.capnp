@0xde385d746243cbb0;
# The reply to a CommandBatch: one result per command, in the order of the request. It is sent after the journal has
# every record with these commands.
using T = import "types.capnp";

enum Status { done @0; refused @1; repeated @2; unavailable @3; unknown @4; }

struct CommandResults { results @0 :List(CommandResult); }

struct CommandResult {
  status @0 :Status;
  # Refusal code where status is refused; 0 = none.
  refusal @1 :UInt16;
  affected @2 :UInt32;
  # The reason (refused, unavailable, unknown).
  reason @3 :Text;
  # Journal sequence of the record; 0 where the command was not sequenced or that is not known.
  recordSequence @4 :UInt64;
  commandSequence @5 :UInt64;
  timestamp @6 :Int64;
  # Of a command about one order, also where it was refused to place one. Null where there is none.
  order @7 :T.OrderSummary;
  # Where status is repeated.
  first @8 :T.FirstResult;
}
