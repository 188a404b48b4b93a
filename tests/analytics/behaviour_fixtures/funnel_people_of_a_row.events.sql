SELECT listed.person AS person, named.profile_id AS profile_id
FROM
(
SELECT DISTINCT person
FROM
(
SELECT arrayJoin(persons) AS person
FROM
(
SELECT persons, [arrayJoin(carried[1])] AS labels
FROM
(
SELECT times, arrayFirst(each -> each.1 = times[1], carrying).2 AS carried, persons
FROM
(
    SELECT multiIf(length(followed.3) > length(followed.4), followed.3, length(followed.2) > length(followed.4), followed.2, length(followed.1) > length(followed.4), followed.1, followed.4) AS times, carrying, persons
    FROM
    (
        SELECT
            arrayFold((so_far, instant) -> (multiIf(bitTest(instant, 0), [toInt64(bitShiftRight(instant, 20))], ((bitTest(instant, 1) AND notEmpty(so_far.1) AND toInt64(bitShiftRight(instant, 20)) - so_far.1[1] <= {v10:Int64}) OR bitTest(instant, 10)), emptyArrayInt64(), so_far.1), multiIf((bitTest(instant, 1) AND notEmpty(so_far.1) AND toInt64(bitShiftRight(instant, 20)) - so_far.1[1] <= {v10:Int64}), arrayPushBack(so_far.1, toInt64(bitShiftRight(instant, 20))), ((bitTest(instant, 2) AND notEmpty(so_far.2) AND toInt64(bitShiftRight(instant, 20)) - so_far.2[1] <= {v10:Int64}) OR bitTest(instant, 11)), emptyArrayInt64(), so_far.2), multiIf((bitTest(instant, 2) AND notEmpty(so_far.2) AND toInt64(bitShiftRight(instant, 20)) - so_far.2[1] <= {v10:Int64}), arrayPushBack(so_far.2, toInt64(bitShiftRight(instant, 20))), (0 OR bitTest(instant, 12)), emptyArrayInt64(), so_far.3), multiIf(length(so_far.3) > length(so_far.4), so_far.3, length(so_far.2) > length(so_far.4), so_far.2, length(so_far.1) > length(so_far.4), so_far.1, so_far.4)), arraySort(groupArray(bitOr(bitShiftLeft(toUInt64(at), 20), toUInt64(ends * 1024 + steps)))), (emptyArrayInt64(), emptyArrayInt64(), emptyArrayInt64(), emptyArrayInt64())) AS followed,
            groupArrayIf((at, carried), steps != 0) AS carrying,
            groupUniqArrayArray(persons) AS persons
        FROM
        (
SELECT
    seen.session_id AS subject,
    toUnixTimestamp64Milli(seen.created_at) AS at,
    groupBitOr(toUInt32((seen.name = {v0:String} AND seen.created_at < fromUnixTimestamp64Milli({v5:Int64}, 'UTC'))) * 1 + toUInt32((seen.name = {v1:String} AND (seen.path IN {v2:Array(String)}))) * 2 + toUInt32((seen.name NOT IN ('session_start', 'session_end') AND (seen.properties[{v3:String}] IN {v4:Array(String)}))) * 4) AS steps,
    groupBitOr(toUInt32(0)) AS ends,
    groupUniqArray(if(known.target = 0, seen.person, known.target)) AS persons,
    argMinIf([[CAST(seen.country, 'String')]], seen.event_id, ((seen.name = {v0:String} AND seen.created_at < fromUnixTimestamp64Milli({v5:Int64}, 'UTC')) OR (seen.name = {v1:String} AND (seen.path IN {v2:Array(String)})) OR (seen.name NOT IN ('session_start', 'session_end') AND (seen.properties[{v3:String}] IN {v4:Array(String)})))) AS carried
FROM events AS seen
GLOBAL ANY LEFT JOIN
(
    SELECT hop.person AS person, if(onward.target = 0, hop.target, onward.target) AS target
    FROM
    (
        SELECT person, argMax(person_overrides.into, version) AS target
        FROM person_overrides
        WHERE project_id = {project:String}
        GROUP BY person
    ) AS hop
    GLOBAL ANY LEFT JOIN
    (
        SELECT person, argMax(person_overrides.into, version) AS target
        FROM person_overrides
        WHERE project_id = {project:String}
        GROUP BY person
    ) AS onward ON hop.target = onward.person
) AS known ON seen.person = known.person
WHERE seen.project_id = {project:String}
    AND toDate(seen.created_at) >= {v6:Date}
    AND seen.created_at >= fromUnixTimestamp64Milli({v7:Int64}, 'UTC')
    AND toDate(seen.created_at) <= {v8:Date}
    AND seen.created_at < fromUnixTimestamp64Milli({v9:Int64}, 'UTC')
    AND ((seen.name = {v0:String} AND seen.created_at < fromUnixTimestamp64Milli({v5:Int64}, 'UTC')) OR (seen.name = {v1:String} AND (seen.path IN {v2:Array(String)})) OR (seen.name NOT IN ('session_start', 'session_end') AND (seen.properties[{v3:String}] IN {v4:Array(String)})))
    AND seen.session_id != 0
GROUP BY subject, at
        )
        GROUP BY subject
    )
)
WHERE notEmpty(times)
)
WHERE length(times) >= {v11:UInt32}
)
WHERE labels = {v4:Array(String)}
)
WHERE person > {v12:UInt64}
ORDER BY person
LIMIT {v13:UInt32}
) AS listed
GLOBAL ANY LEFT JOIN
(
    SELECT person, max((in_session, profile_id)).2 AS profile_id
    FROM
    (
        SELECT visit.person AS person, 1 AS in_session, visit.profile_id AS profile_id
        FROM sessions AS visit
        WHERE visit.project_id = {project:String} AND visit.profile_id != ''
        UNION ALL
        SELECT told.person AS person, 0 AS in_session, told.profile_id AS profile_id
        FROM profiles AS told FINAL
        WHERE told.project_id = {project:String} AND told.person != 0
    )
    GROUP BY person
) AS named ON listed.person = named.person
ORDER BY person;
