SELECT item, seen, last_day
FROM
(
SELECT type AS item, count() AS seen, toDate(0) AS last_day
FROM groups FINAL
WHERE project_id = {project:String} AND deleted = 0 AND item != ''
    AND positionCaseInsensitiveUTF8(item, {v0:String}) > 0
GROUP BY item
)
ORDER BY positionCaseInsensitiveUTF8(item, {v0:String}) = 1 DESC, seen DESC, item
LIMIT {v1:UInt32};
