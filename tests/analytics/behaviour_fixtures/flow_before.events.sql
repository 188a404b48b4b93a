SELECT
    node.1 AS step,
    node.2.1 AS name,
    node.2.2 AS path,
    node.2.3 AS other,
    node.3 AS goes_on,
    node.4.1 AS next_name,
    node.4.2 AS next_path,
    node.4.3 AS next_other,
    sum(sessions) AS went
FROM
(
    SELECT
        sessions,
        arraySort(each -> each.1, groupArray((step, shown))) AS nodes,
        arrayJoin(arrayMap(
            place -> (nodes[place].1, nodes[place].2, place < length(nodes), nodes[place + 1].2),
            arrayEnumerate(nodes))) AS node
    FROM
    (
        SELECT
            way,
            sessions,
            step,
            if(dense_rank() OVER (PARTITION BY step ORDER BY together DESC, label) <= {v8:UInt32},
                (label.1, label.2, 0), ('', '', 1)) AS shown
        FROM
        (
            SELECT
                way,
                sessions,
                toUInt16(first + place - 1) AS step,
                label,
                sum(sessions) OVER (PARTITION BY step, label) AS together
            FROM
            (
SELECT way, toUInt16({v2:UInt16} - length(way) + 1) AS first, count() AS sessions
FROM
(
    SELECT
        arrayCompact(arrayMap(place -> (names[place], paths[place]), arraySlice(did, 1, arrayFirstIndex(place -> ends[place] != 0, did)))) AS labels,
        arraySlice(labels, greatest(1, toInt32(length(labels)) - {v2:UInt16} + 1)) AS way
    FROM
    (
        SELECT
            arraySort((place, at, id) -> (at, id), arrayEnumerate(groupArray(seen.event_id) AS ids),
                groupArray(toUnixTimestamp64Milli(seen.created_at)), ids) AS did,
            groupArray(toString(seen.name)) AS names,
            groupArray(if(seen.name = 'screen_view', seen.path, '')) AS paths,
            groupArray(toUInt8(0)) AS starts,
            groupArray(toUInt8((seen.name = {v0:String} AND (seen.path IN {v1:Array(String)})))) AS ends
FROM events AS seen
WHERE seen.project_id = {project:String}
    AND toDate(seen.created_at) >= {v4:Date}
    AND seen.created_at >= fromUnixTimestamp64Milli({v5:Int64}, 'UTC')
    AND toDate(seen.created_at) <= {v6:Date}
    AND seen.created_at < fromUnixTimestamp64Milli({v7:Int64}, 'UTC')
    AND ((seen.name NOT IN ('session_start', 'session_end') AND seen.name NOT IN {v3:Array(String)}) OR (0) OR ((seen.name = {v0:String} AND (seen.path IN {v1:Array(String)}))))
    AND seen.session_id != 0
        GROUP BY seen.session_id
    )
)
WHERE notEmpty(way)
GROUP BY way
            )
            ARRAY JOIN way AS label, arrayEnumerate(way) AS place
        )
    )
    GROUP BY way, sessions
)
GROUP BY step, name, path, other, goes_on, next_name, next_path, next_other
ORDER BY step, went DESC, name, path, next_name, next_path, other, next_other, goes_on;
