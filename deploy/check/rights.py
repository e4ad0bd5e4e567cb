"""What each user of nats/users.conf may and may not do, as subjects.

Besides what the commands of Earmark are seen to do: what pods say to one another and to operators,
and what would do harm. These are tried at the end, when nobody listens and nothing is needed.
"""

MAY_PUBLISH = {
    "pod": [
        "$KV.EARMARK_CLUSTER.leases.0",
        "$KV.EARMARK_CLUSTER.members.pod-1",
        "$O.EARMARK_SNAPSHOTS.C.x",
        "$O.EARMARK_SNAPSHOTS.M.x",
        "$JS.API.CONSUMER.MSG.NEXT.OBJ_EARMARK_SNAPSHOTS.x",
        "$KV.EARMARK_CLUSTER.control.safe-mode",
        "earmark.audit.safe-mode",
        "$JS.API.CONSUMER.CREATE.KV_EARMARK_CLUSTER",
        "$JS.API.CONSUMER.CREATE.KV_EARMARK_CLUSTER.x.$KV.EARMARK_CLUSTER.>",
        "$JS.API.DIRECT.GET.KV_EARMARK_CLUSTER.$KV.EARMARK_CLUSTER.settings",
        "$JS.API.STREAM.INFO.KV_EARMARK_CLUSTER",
        "$JS.FC.KV_EARMARK_CLUSTER.x.y",
        "$JS.API.DIRECT.GET.OBJ_EARMARK_SNAPSHOTS.$O.EARMARK_SNAPSHOTS.M.x",
        "_INBOX_pub.x.y",
        "_INBOX_op.x.y",
        "earmark.reply.x",
        "earmark.query.sku",
        "$JS.API.STREAM.PURGE.EARMARK_IN",
        "$JS.API.STREAM.PURGE.EARMARK_JOURNAL",
    ],
    "publisher": ["earmark.query.sku", "earmark.query.order"],
    "operator": [
        "earmark.control.safe-mode",
        "earmark.query.sku",
        "earmark.audit.safe-mode",
        "earmark.audit.dlq",
        "earmark.in.demand.sku.CUP",
        "$SRV.PING",
        "$JS.API.STREAM.MSG.GET.EARMARK_DLQ",
        "$JS.API.STREAM.UPDATE.EARMARK_DLQ",
        "$JS.API.CONSUMER.MSG.NEXT.OBJ_EARMARK_SNAPSHOTS.x",
        "$O.EARMARK_SNAPSHOTS.M.x",
        "$JS.FC.KV_EARMARK_CLUSTER.x.y",
    ],
}

MAY_SUBSCRIBE = {
    "pod": ["_INBOX_pod.x.*", "earmark.query.sku", "earmark.control.>", "$SRV.PING", "$SRV.INFO.x"],
    "publisher": ["_INBOX_pub.x.*"],
    "operator": ["_INBOX_op.x.*", "earmark.reply.dlq.x.*", "$JS.EVENT.ADVISORY.>"],
}

MAY_NOT_PUBLISH = {
    "pod": [
        "$KV.EARMARK_CLUSTER.settings",
        "$JS.API.STREAM.CREATE.EARMARK_X",
        "$JS.API.STREAM.UPDATE.EARMARK_IN",
        "$JS.API.STREAM.DELETE.EARMARK_IN",
        "$JS.API.STREAM.PURGE.EARMARK_OUT",
        "$JS.API.STREAM.PURGE.EARMARK_DLQ",
        "$JS.API.STREAM.MSG.DELETE.EARMARK_JOURNAL",
        "earmark.control.safe-mode",
        "$JS.API.CONSUMER.CREATE.EARMARK_JOURNAL",
        "$JS.API.CONSUMER.CREATE.EARMARK_DLQ.x.earmark.dlq.>",
        "$SYS.REQ.SERVER.PING",
    ],
    "publisher": [
        "earmark.out.sku.CUP.hold_granted",
        "earmark.cmd.0",
        "earmark.journal.0",
        "earmark.availability.CUP",
        "earmark.dlq.x.x.x.x",
        "earmark.reply.x",
        "earmark.control.safe-mode",
        "_INBOX_op.x.y",
        "_INBOX_pod.x.y",
        "$KV.EARMARK_CLUSTER.settings",
        "$KV.EARMARK_CLUSTER.leases.0",
        "$KV.EARMARK_CLUSTER.control.safe-mode",
        "$JS.API.STREAM.MSG.GET.EARMARK_IN",
        "$JS.API.STREAM.PURGE.EARMARK_IN",
        "$JS.API.STREAM.DELETE.EARMARK_IN",
        "$JS.API.CONSUMER.CREATE.EARMARK_OUT",
        "$JS.API.DIRECT.GET.KV_EARMARK_CLUSTER.$KV.EARMARK_CLUSTER.leases.0",
    ],
    "operator": [
        "earmark.out.sku.CUP.hold_granted",
        "earmark.cmd.0",
        "earmark.availability.CUP",
        "$KV.EARMARK_CLUSTER.leases.0",
        "$KV.EARMARK_CLUSTER.control.safe-mode",
        "$JS.API.STREAM.DELETE.EARMARK_JOURNAL",
        "$JS.API.STREAM.PURGE.EARMARK_JOURNAL",
        "$JS.API.STREAM.PURGE.OBJ_EARMARK_SNAPSHOTS",
        "$JS.API.STREAM.MSG.DELETE.EARMARK_JOURNAL",
        "$JS.API.STREAM.CREATE.OTHER",
        "$JS.API.STREAM.UPDATE.OTHER",
        "_INBOX_pub.x.y",
    ],
}

MAY_NOT_SUBSCRIBE = {
    "pod": [">", "earmark.out.>", "_INBOX_op.>", "_INBOX_pub.>", "_INBOX.>"],
    "publisher": [
        ">",
        "earmark.>",
        "earmark.out.>",
        "earmark.reply.>",
        "_INBOX_pod.>",
        "_INBOX_op.>",
        "_INBOX.>",
        "$KV.>",
        "earmark.query.sku",
    ],
    "operator": [">", "earmark.>", "earmark.reply.>", "_INBOX_pod.>", "_INBOX_pub.>", "_INBOX.>", "earmark.control.>"],
}
