SELECT
    other,
    labels,
    period,
    groupArray((bucket, toFloat64(finalizeAggregation(state_0)), toFloat64(finalizeAggregation(state_1)))) AS points,
    tuple(toFloat64(countMerge(state_0)), toFloat64(uniqExactMerge(state_1))) AS totals
FROM
(
SELECT 0 AS other, 1 AS place, labels, period, bucket, state_0, state_1
FROM
(
SELECT
    0 AS period,
    emptyArrayString() AS labels,
    indexOf({v15:Array(Int64)}, roundDown(toUnixTimestamp64Milli(seen.created_at), {v15:Array(Int64)}) AS edge) AS bucket,
    countStateIf(seen.name = {v0:String}) AS state_0,
    uniqExactStateIf(if(known.target = 0, seen.person, known.target), seen.name NOT IN ('session_start', 'session_end') AND if(known.target = 0, seen.person, known.target) != 0) AS state_1
FROM events AS seen
GLOBAL ANY LEFT JOIN
(
    WITH
        (
            SELECT (groupArray(person), groupArray(next))
            FROM
            (
        SELECT person, argMax(person_overrides.into, version) AS next
        FROM person_overrides
        WHERE project_id = {project:String}
            AND person GLOBAL IN
            (
                SELECT person_overrides.into FROM person_overrides WHERE project_id = {project:String}
            )
        GROUP BY person
            )
        ) AS onward,
        arrayMap(
            start -> arrayFold(
                (way, hop) -> (
                    transform(way.1, onward.1, onward.2, way.1),
                    if(hop < 32, way.1, least(way.1, way.2))),
                range(2 * 32),
                (start, start)).2,
            onward.2) AS ends
    SELECT latest.person AS person, transform(latest.next, onward.1, ends, latest.next) AS target
    FROM
    (
        SELECT person, argMax(person_overrides.into, version) AS next
        FROM person_overrides
        WHERE project_id = {project:String}
        GROUP BY person
    ) AS latest
    WHERE latest.person != target
) AS known ON seen.person = known.person
GLOBAL ANY LEFT JOIN
(
    SELECT
        visit.session_id AS session_id,
        visit.entry_path AS entry_path
    FROM sessions AS visit FINAL
    WHERE visit.project_id = {project:String}
        AND visit.session_started_at >= fromUnixTimestamp64Milli({v16:Int64}, 'UTC')
        AND visit.session_started_at < fromUnixTimestamp64Milli({v17:Int64}, 'UTC')
) AS visit ON seen.session_id = visit.session_id
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
) AS named ON if(known.target = 0, seen.person, known.target) = named.person
GLOBAL ANY LEFT JOIN
(
    SELECT
        profile_id,
        properties[{v13:String}] AS property_13
    FROM profiles FINAL
    WHERE project_id = {project:String} AND deleted = 0
) AS profile ON if(named.profile_id = '', seen.profile_id, named.profile_id) = profile.profile_id
WHERE seen.project_id = {project:String}
    AND toDate(seen.created_at) >= {v18:Date}
    AND seen.created_at >= fromUnixTimestamp64Milli({v19:Int64}, 'UTC')
    AND toDate(seen.created_at) <= {v20:Date}
    AND seen.created_at < fromUnixTimestamp64Milli({v21:Int64}, 'UTC')
    AND ((seen.name = {v0:String}) OR (seen.name NOT IN ('session_start', 'session_end')))
    AND (seen.properties[{v0:String}] IN {v1:Array(String)})
    AND NOT arrayExists(given -> positionCaseInsensitiveUTF8(seen.path, given) > 0, {v2:Array(String)})
    AND arrayExists(each -> arrayExists(given -> startsWith(each, given), {v2:Array(String)}), arrayMap(pair -> pair.2, arrayFilter(pair -> match(pair.1, {v3:String}), arrayZip(mapKeys(seen.properties), mapValues(seen.properties)))))
    AND ifNull(arrayExists(given -> ifNull(if(isFinite(ifNull(toFloat64OrNull(seen.properties[{v4:String}]), nan)), toFloat64OrNull(seen.properties[{v4:String}]), NULL) > given, 0), {v5:Array(Float64)}), 0)
    AND ifNull(arrayExists(given -> ifNull(toYYYYMMDD(if(match(seen.properties[{v6:String}], '^[0-9]{4}-[0-9]{2}-[0-9]{2}'), if(parseDateTime64BestEffortOrNull(seen.properties[{v6:String}], 3, {v7:String}) = parseDateTime64BestEffortOrNull(seen.properties[{v6:String}], 3, 'UTC'), parseDateTime64BestEffortOrNull(seen.properties[{v6:String}], 3, {v7:String}), subtractSeconds(parseDateTime64BestEffortOrNull(seen.properties[{v6:String}], 3, 'UTC'), timeZoneOffset(parseDateTime64BestEffortOrNull(seen.properties[{v6:String}], 3, {v7:String})))), NULL), {v7:String}) <= given, 0), {v8:Array(UInt32)}), 0)
    AND ifNull(arrayExists(given -> ifNull(toUnixTimestamp64Milli(toDateTime64(seen.created_at, 3, 'UTC')) >= given, 0), arrayMap(given -> toUnixTimestamp64Milli(if(parseDateTime64BestEffortOrNull(given, 3, {v7:String}) = parseDateTime64BestEffortOrNull(given, 3, 'UTC'), parseDateTime64BestEffortOrNull(given, 3, {v7:String}), subtractSeconds(parseDateTime64BestEffortOrNull(given, 3, 'UTC'), timeZoneOffset(parseDateTime64BestEffortOrNull(given, 3, {v7:String}))))), {v9:Array(String)})), 0)
    AND ((lowerUTF8(toString(seen.properties[{v10:String}])) IN {v11:Array(String)}))
    AND NOT (profile.property_13 IN {v2:Array(String)})
    AND arrayExists(given -> endsWith(visit.entry_path, given), {v2:Array(String)})
    AND arrayExists(each -> (each != ''), arrayMap(id -> transform(id, (SELECT (groupArray(group_id), groupArray(CAST(type, 'String')))
FROM groups FINAL
WHERE project_id = {project:String} AND deleted = 0).1, (SELECT (groupArray(group_id), groupArray(CAST(type, 'String')))
FROM groups FINAL
WHERE project_id = {project:String} AND deleted = 0).2, ''), seen.groups))
    AND (if((seen.profile_id != '' OR known.target != 0), 'true', 'false') IN {v14:Array(String)})
GROUP BY labels, edge
)
)
GROUP BY other, labels, period
ORDER BY other, min(place), labels, period;
