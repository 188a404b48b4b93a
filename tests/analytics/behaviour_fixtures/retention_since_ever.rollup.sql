SELECT 0 AS other, emptyArrayString() AS labels, groupArray((bucket, begun, returned)) AS cells
FROM
(
    SELECT
        start.1 AS bucket,
        sum(persons) AS begun,
        sumForEach(arrayMap(each -> each * persons, arrayMap(k -> toUInt64(arrayExists(each -> each >= start.1 + k, came_in)), range({v0:UInt32} - start.1 + 1)))) AS returned
    FROM
    (
        SELECT arrayJoin(arrayFilter(each -> each.1 > 0, arraySlice(began, 1, 1))) AS start, came_in, persons
        FROM
        (
            SELECT
                arrayMap(each -> tuple(toUInt32(each)), bitPositionsToArray(met)) AS began,
                arrayFilter(each -> each > 0, bitPositionsToArray(met)) AS came_in,
                persons
            FROM
            (
SELECT met, count() AS persons
FROM
(
    WITH
        toInt32(toUInt16(weekly.week)) AS at,
        least(greatest({v1:Int32} - at, 0), 7) AS begins,
        least({v3:Int32} - at, 7) AS ends,
        bitAnd(weekly.days, bitShiftLeft(toUInt16(1), ends) - bitShiftLeft(toUInt16(1), begins)) != 0 AS within
    SELECT
        if(known.target = 0, weekly.person, known.target) AS person,
        groupBitOr(bitOr(toUInt64(bitAnd(weekly.days, bitShiftLeft(toUInt16(1), begins) - 1) != 0), bitShiftLeft(toUInt64(within), greatest(intDiv(at - {v2:Int32}, 7) + 1, 0)))) AS met
    FROM r_person_week AS weekly
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
    ) AS known ON weekly.person = known.person
    WHERE weekly.project_id = {project:String} AND weekly.week < {v4:Date}
    GROUP BY person
)
WHERE met != 0
GROUP BY met
            )
        )
    )
    GROUP BY bucket
);
